/* tp-fetch: audit events from a Teleport cluster, as NDJSON on stdout. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/cursor_file.h"
#include "lib/io.h"
#include "lib/message.h"
#include "lib/state_dir.h"
#include "lib/stop.h"
#include "tp-fetch/audit_api.h"
#include "tp-fetch/emitter.h"
#include "tp-fetch/fetch.h"
#include "tp-fetch/options.h"
#include "tp-fetch/search.h"
#include "tp-fetch/session.h"
#include "tp-fetch/stats.h"

/* What a run has in hand; released by release(). */
struct run {
	struct options options;
	struct session *session;
	int dir_fd; /* -1: no state directory */
	json_t *state;
	struct search *search;
	struct emitter *emitter;
	struct stats stats;
};

static int
open_session(struct run *run, int stop_fd)
{
	const struct options *options = &run->options;
	char why[512];
	struct identity *identity = identity_load(&options->files, why);

	if (identity == NULL) {
		message("%s", why);
		return EXIT_CONFIG;
	}
	run->session = session_new(
	    &(struct session_options){
		.address = options->address,
		.host = options->host,
		.port = options->port,
		.files = options->files,
		.give_up_after_ms =
		    options->is_check && options->give_up_after_ms == -1
			? 0
			: options->give_up_after_ms,
		.stats = &run->stats,
		.stop_fd = stop_fd,
		.out_fd = options->is_dry_run ? -1 : STDOUT_FILENO,
	    },
	    identity);
	return 0;
}

static int
is_key(const struct buffer *key, struct audit_text other)
{
	return key->len_bytes == other.len_bytes &&
	       (other.len_bytes == 0 ||
		   memcmp(key->data, other.text, other.len_bytes) == 0);
}

/* One search for the oldest event: *is_known when `first` is where to start. */
static enum session_outcome
ask_for_first(struct run *run, struct buffer *key, struct timestamp *first,
    int *is_known)
{
	struct buffer request = { 0 };
	struct rpc_reply reply;
	struct audit_page page;
	struct audit_event event;
	char why[640];

	audit_query_encode(&(struct audit_query){ .from = { 0, 0 },
			       .to = *first,
			       .types = NULL,
			       .limit = 1,
			       .key = buffer_text(key) },
	    &request);
	session_begin(run->session, AUDIT_API_SEARCH, request.data,
	    request.len_bytes);
	buffer_free(&request);
	enum session_outcome outcome = session_collect(run->session, &reply);
	if (outcome == SESSION_REJECTED) {
		snprintf(why, sizeof(why), "%s: %s",
		    rpc_status_name(reply.status), reply.message);
		key->len_bytes = 0;
		outcome = session_complain(run->session, why);
	} else if (outcome == SESSION_REPLY &&
		   audit_page_open(reply.bytes, reply.len_bytes, &page) == -1) {
		outcome = session_complain(run->session,
		    "a reply is not a page of events");
	} else if (outcome == SESSION_REPLY) {
		int found = audit_page_next(&page, &event);
		if (found != 0)
			*first = event.time; /* 1970 if it cannot be read */
		*is_known = found != 0 || page.last_key.len_bytes == 0;
		if (*is_known || !is_key(key, page.last_key))
			session_content(run->session);
		else
			outcome = session_complain(run->session,
			    "the server leads from an empty page back to the "
			    "same page");
		key->len_bytes = 0;
		buffer_append(key, page.last_key.text, page.last_key.len_bytes);
	}
	rpc_reply_free(&reply);
	return outcome;
}

/*
 * Where `--start-time earliest` starts: at the oldest event, or now if there
 * is none.  A page without events but with a key says nothing yet.
 */
static enum session_outcome
find_first_event(struct run *run, struct timestamp *first)
{
	struct buffer key = { 0 };
	enum session_outcome outcome;
	int is_known = 0;

	*first = timestamp_now();
	do {
		outcome = ask_for_first(run, &key, first, &is_known);
	} while (outcome == SESSION_REPLY && !is_known);
	buffer_free(&key);
	return outcome;
}

static int
first_state(struct run *run)
{
	struct options *options = &run->options;
	enum session_outcome outcome = SESSION_REPLY;

	if (options->start_kind == START_NOT_NAMED) {
		message(
		    "%s: nothing was ever fetched into it, and nothing "
		    "starts at \"now\" silently: --start-time must be given",
		    options->state_path);
		return EXIT_USAGE;
	}
	if (options->start_kind == START_EARLIEST)
		outcome = find_first_event(run, &options->start);
	if (outcome != SESSION_REPLY)
		return session_exit_code(outcome);
	char start[TIMESTAMP_BYTES];
	run->state = json_pack("{s:s,s:s,s:o}", "cluster",
	    session_identity(run->session)->cluster, "start",
	    timestamp_format(options->start, start), "search",
	    search_first_state(options->start, options->window_ms));
	if (run->state == NULL)
		die(EXIT_OS, "out of memory");
	return 0;
}

/* A state directory belongs to one cluster. */
static int
check_cluster(const struct run *run)
{
	const char *of_state =
	    json_string_value(json_object_get(run->state, "cluster"));
	const struct identity *identity = session_identity(run->session);

	if (of_state == NULL || identity_may_be_of(identity, of_state))
		return 0;
	message("%s: belongs to cluster %s, but the credentials are of cluster "
		"%s: use another state directory",
	    run->options.state_path, of_state, identity->cluster);
	return EXIT_DATA;
}

/*
 * What is committed names its run and where that run's journal goes on, so
 * that a second journal of that name would be read from there.
 */
static int
check_run(const struct run *run, const char *committed)
{
	const struct options *options = &run->options;

	if (options->is_dry_run || strcmp(committed, options->run) != 0)
		return 0;
	message("--run %s: is the run that %s/cursor stands in: each run needs "
		"an id of its own",
	    options->run, options->state_path);
	return EXIT_USAGE;
}

static int
resume(struct run *run)
{
	const char *path = run->options.state_path;
	struct cursor cursor;
	char why[128];
	int code;

	switch (cursor_file_read(run->dir_fd, &cursor, why)) {
	case CURSOR_OK:
		run->state = cursor.state;
		message_verbose("%s: going on from what run %s committed", path,
		    cursor.run);
		code = check_run(run, cursor.run);
		return code != 0 ? code : check_cluster(run);
	case CURSOR_MISSING:
		return first_state(run);
	case CURSOR_DAMAGED:
		message("%s/cursor: damaged: %s; put a good copy back, or "
			"remove it and name a --start-time",
		    path, why);
		return EXIT_DATA;
	default:
		message("%s/cursor: %s", path, strerror(errno));
		return EXIT_IO;
	}
}

static int
open_state(struct run *run)
{
	const struct options *options = &run->options;
	char holder[192];

	if (options->state_path == NULL)
		return first_state(run);
	/* A dry run makes nothing, so that the first finds nothing. */
	if (options->is_dry_run && access(options->state_path, F_OK) == -1 &&
	    errno == ENOENT)
		return first_state(run);
	int code = state_dir_open(options->state_path, !options->is_dry_run,
	    &run->dir_fd);
	if (code != 0)
		return code;
	if (!options->is_dry_run) {
		snprintf(holder, sizeof(holder), "tp-fetch (pid %ld, run %s)\n",
		    (long)getpid(), options->run);
		code = state_dir_lock(run->dir_fd, options->state_path,
		    options->lock_fd, holder);
	}
	return code != 0 ? code : resume(run);
}

static int
open_search(struct run *run)
{
	const struct options *options = &run->options;
	struct search_options search_options = {
		.window_ms = options->window_ms,
		.limit = options->batch,
		.types = options->types,
		.is_bounded = options->is_bounded,
		.until = options->until,
	};

	run->search = search_new(&search_options, run->state);
	if (run->search != NULL)
		return 0;
	message("%s/cursor: its state is not one this program knows",
	    options->state_path);
	return EXIT_DATA;
}

static void
say_summary(const struct run *run, int64_t took_ms)
{
	const struct stats *stats = &run->stats;
	const unsigned long long lines = emitter_lines(run->emitter);
	const unsigned long long per_second =
	    took_ms > 0 ? lines * 1000 / (unsigned long long)took_ms : lines;

	if (run->options.is_dry_run)
		message("would have written %llu events (%llu skipped by "
			"filters)",
		    lines, (unsigned long long)stats->skipped);
	else
		message_verbose("%llu lines, %llu a second; %llu skipped by "
				"filters",
		    lines, per_second, (unsigned long long)stats->skipped);
	if (stats->gaps > 0)
		message(
		    "%llu events could not be exported; gap lines stand for "
		    "them",
		    (unsigned long long)stats->gaps);
}

static int
fetch(struct run *run)
{
	const struct options *options = &run->options;
	const int64_t start_ms = clock_ms();

	if (stats_write(&run->stats) == -1)
		return EXIT_CONFIG;
	int code = open_state(run);
	if (code != 0 || run->state == NULL) /* stopped before it began */
		return code;
	if ((code = open_search(run)) != 0)
		return code;
	run->emitter = emitter_new(options->is_dry_run ? -1 : STDOUT_FILENO,
	    options->is_dry_run ? -1 : run->dir_fd, options->state_path,
	    options->run, options->is_tagged, run->state);
	if (run->emitter == NULL)
		return EXIT_IO;
	code = fetch_run(
	    &(struct fetch_options){
		.types = options->types,
		.skip_types = options->skip_types,
		.poll_ms = options->poll_ms,
	    },
	    run->session, run->search, run->emitter, &run->stats);
	stats_write(&run->stats);
	say_summary(run, clock_ms() - start_ms);
	return code;
}

/* A search is what proves the right to search; Ping does not. */
static int
check(struct run *run)
{
	const struct identity *identity = session_identity(run->session);
	struct timestamp first;
	char until[TIMESTAMP_BYTES];
	enum session_outcome outcome = find_first_event(run, &first);

	if (outcome == SESSION_STOPPED)
		return EXIT_TRY_AGAIN;
	if (outcome == SESSION_REPLY &&
	    (printf("%s: may read the audit log of cluster %s as %s, with a "
		    "certificate valid until %s\n",
		 run->options.address,
		 *identity->cluster ? identity->cluster : "(not named)",
		 identity->user,
		 timestamp_format((struct timestamp){ identity->not_after, 0 },
		     until)) < 0 ||
		fflush(stdout) != 0)) {
		message("standard output: cannot write: %s", strerror(errno));
		return EXIT_IO;
	}
	return session_exit_code(outcome);
}

static void
release(struct run *run)
{
	emitter_free(run->emitter);
	search_free(run->search);
	session_free(run->session);
	json_decref(run->state);
	if (run->dir_fd != -1)
		close(run->dir_fd);
	options_free(&run->options);
}

int
main(int argc, char **argv)
{
	struct run run = { .dir_fd = -1 };

	message_start("tp-fetch");
	io_check_standard(1);
	options_parse(&run.options, argc, argv);
	run.stats.path = run.options.stats_path;
	int stop_fd = stop_open();
	rpc_library_start();
	int code = open_session(&run, stop_fd);
	if (code == 0)
		code = run.options.is_check ? check(&run) : fetch(&run);
	release(&run);
	rpc_library_stop();
	return code;
}
