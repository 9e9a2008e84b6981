/* The loop of tp-hec and its ends. */
#include "tp-hec/delivery.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/message.h"
#include "lib/stop.h"
#include "tp-hec/ack_out.h"
#include "tp-hec/aside.h"
#include "tp-hec/batch.h"
#include "tp-hec/complaint.h"
#include "tp-hec/intake.h"
#include "tp-hec/options.h"
#include "tp-hec/progress.h"
#include "tp-hec/sender.h"
#include "tp-hec/stats.h"
#include "tp-hec/window.h"

enum {
	STATS_INTERVAL_MS = 5000,
	LONGEST_WAIT_MS = 60 * 1000,
	END_WAIT_MS = 1000, /* for a writer that is being stopped as well */
	PENDING_PER_REQUEST = 8,
	UNSET = -1, /* no exit code yet */
};

struct delivery {
	const struct options *options;
	int input_fd;
	int ack_fd;
	int stop_fd;
	struct stats stats;
	struct window *window;
	struct aside *aside;
	struct batch_pool *pool;
	struct sender *sender;
	struct intake *intake;
	struct progress progress;
	struct window_mark acknowledged;
	int64_t grace_ends_ms; /* INT64_MAX: not asked to stop */
	int64_t end_awaited_until_ms;
	int64_t stats_due_ms;
	int is_reader_gone;
	int exit_code;
};

/* --- parts, made and released --------------------------------------------- */

static void
submit_batch(void *cookie, struct batch *batch)
{
	struct delivery *d = cookie;

	sender_submit(d->sender, batch);
}

static struct intake_setup
intake_setup(struct delivery *d, void (*submit)(void *, struct batch *))
{
	const struct options *o = d->options;

	return (struct intake_setup){ .fd = d->input_fd,
		.is_raw = o->is_raw,
		.is_replay = o->is_replay,
		.envelope = o->envelope,
		.most_event_bytes = o->most_event_bytes,
		.oversize = o->oversize,
		.batch_age_ms = o->batch_age_ms,
		.pool = d->pool,
		.aside = d->aside,
		.stats = &d->stats,
		.submit = submit,
		.cookie = d };
}

static struct sender_setup
sender_setup(struct delivery *d, struct options *o)
{
	return (struct sender_setup){
		.request = options_request(o),
		.credentials = &o->credentials,
		.urls = (const char *const *)o->urls,
		.url_count = o->url_count,
		.gzip = o->gzip,
		.in_flight = o->in_flight,
		.ack_timeout_ms = o->ack_timeout_ms,
		.pool = d->pool,
		.window = d->window,
		.aside = d->aside,
		.stats = &d->stats,
	};
}

static void
release(struct delivery *d)
{
	intake_free(d->intake);
	sender_free(d->sender);
	batch_pool_free(d->pool);
	aside_close(d->aside);
	window_free(d->window);
}

/* --- acknowledgements ----------------------------------------------------- */

static void
note_reader_gone(struct delivery *d)
{
	if (d->is_reader_gone)
		return;
	message("standard output: the reader of the acknowledgements has gone; "
		"delivering what is in hand");
	d->is_reader_gone = 1;
	d->grace_ends_ms = clock_ms() + d->options->grace_ms;
	intake_close(d->intake);
	sender_hurry(d->sender);
}

static void
note_write(struct delivery *d, int result)
{
	if (result == 0)
		return;
	if (errno == EPIPE) {
		note_reader_gone(d);
		return;
	}
	message("standard output: %s", strerror(errno));
	d->exit_code = EXIT_IO;
}

static void
acknowledge(struct delivery *d)
{
	const struct window_mark *safe = window_safe(d->window);

	d->stats.lines_in_hand =
	    (uint64_t)(intake_lines(d->intake) - safe->line);
	if (safe->line == d->acknowledged.line || d->is_reader_gone)
		return;
	if (aside_sync(d->aside) == -1)
		return;
	d->acknowledged = *safe;
	note_write(d, ack_out_safe(d->ack_fd, safe));
}

/* --- ends ----------------------------------------------------------------- */

static void
end_early(struct delivery *d, int exit_code, const char *words)
{
	message("%s", words);
	d->exit_code = exit_code;
	if (!d->is_reader_gone)
		ack_out_stop(d->ack_fd, d->acknowledged.number, words);
}

/* A line that cannot be settled: those before it still are. */
static void
heed_refusal(struct delivery *d)
{
	const struct aside_stop *stop = aside_stop(d->aside);

	if (stop == NULL)
		return;
	intake_close(d->intake);
	sender_send_only_before(d->sender, stop->line);
	if (sender_is_idle(d->sender))
		end_early(d, stop->exit_code, stop->words);
}

enum ahead { INPUT_ENDED, INPUT_GOES_ON, INPUT_SILENT };

/* What there is behind the last line that was read. */
static enum ahead
look_ahead(const struct delivery *d)
{
	struct pollfd input = { .fd = d->input_fd, .events = POLLIN };

	if (intake_has_rest(d->intake))
		return INPUT_GOES_ON;
	if (intake_is_at_end(d->intake))
		return INPUT_ENDED;
	if (poll(&input, 1, 0) != 1)
		return INPUT_SILENT;
	return input.revents == POLLHUP ? INPUT_ENDED : INPUT_GOES_ON;
}

/*
 * All that was read is delivered.  When we were asked to stop, the stage before
 * us may have been as well: its end is then worth a moment's wait, for it makes
 * ours a whole one.
 */
static void
heed_done(struct delivery *d, int64_t now_ms)
{
	const int64_t safe = d->acknowledged.number;

	if (d->exit_code != UNSET || !intake_is_done(d->intake) ||
	    !sender_is_idle(d->sender))
		return;
	enum ahead ahead = d->is_reader_gone ? INPUT_GOES_ON : look_ahead(d);
	if (ahead == INPUT_SILENT && now_ms < d->end_awaited_until_ms &&
	    now_ms < d->grace_ends_ms)
		return;
	d->exit_code = 0;
	if (ahead == INPUT_ENDED)
		note_write(d, ack_out_end(d->ack_fd, safe));
	else if (!d->is_reader_gone)
		note_write(d, ack_out_stop(d->ack_fd, safe,
				  "stopped before the end of input"));
	if (d->is_reader_gone)
		d->exit_code = EXIT_TRY_AGAIN;
}

static void
heed_grace(struct delivery *d, int64_t now_ms)
{
	char words[128];
	char held[32];

	if (d->exit_code != UNSET || now_ms < d->grace_ends_ms)
		return;
	snprintf(words, sizeof(words),
	    "stopped with %s lines unacknowledged (see --grace)",
	    complaint_count(d->stats.lines_in_hand, held));
	end_early(d, EXIT_TRY_AGAIN, words);
}

static void
heed_patience(struct delivery *d, int64_t now_ms)
{
	struct sender_trouble trouble = sender_trouble(d->sender);
	char words[ASIDE_WORDS_BYTES + RECEIVER_NAME_BYTES];

	d->stats.is_waiting = trouble.kind != TROUBLE_NONE;
	if (d->exit_code != UNSET || trouble.kind == TROUBLE_NONE ||
	    d->options->give_up_after_ms < 0 ||
	    now_ms - trouble.since_ms < d->options->give_up_after_ms)
		return;
	snprintf(words, sizeof(words), "%s: %s; giving up after %" PRId64 " s",
	    trouble.name, trouble.why, (now_ms - trouble.since_ms) / 1000);
	end_early(d,
	    trouble.kind == TROUBLE_REFUSED ? EXIT_REFUSED : EXIT_UNAVAILABLE,
	    words);
}

static void
heed_stop(struct delivery *d, int64_t now_ms)
{
	if (d->grace_ends_ms != INT64_MAX || !stop_taken())
		return;
	message_verbose("stopping: delivering what was read");
	d->grace_ends_ms = now_ms + d->options->grace_ms;
	d->end_awaited_until_ms = now_ms + END_WAIT_MS;
	intake_close(d->intake);
	sender_hurry(d->sender);
}

/* --- the loop ------------------------------------------------------------- */

static void
report(struct delivery *d, int64_t now_ms)
{
	struct sender_trouble trouble = sender_trouble(d->sender);
	const char *path = d->options->stats_file;

	if (d->progress.is_on)
		progress_show(&d->progress, &d->stats,
		    trouble.kind != TROUBLE_NONE ? trouble.why : NULL, now_ms);
	if (path == NULL || now_ms < d->stats_due_ms)
		return;
	if (stats_write(&d->stats, path) == -1)
		message("--stats: %s: %s", path, strerror(errno));
	d->stats_due_ms = now_ms + STATS_INTERVAL_MS;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
next_wake_ms(const struct delivery *d, int64_t now_ms)
{
	struct sender_trouble trouble = sender_trouble(d->sender);
	int64_t next_ms = now_ms + LONGEST_WAIT_MS;

	next_ms = least(next_ms, intake_due_ms(d->intake));
	next_ms = least(next_ms, d->grace_ends_ms);
	if (now_ms < d->end_awaited_until_ms)
		next_ms = least(next_ms, d->end_awaited_until_ms);
	if (d->options->stats_file != NULL)
		next_ms = least(next_ms, d->stats_due_ms);
	if (d->progress.is_on)
		next_ms = least(next_ms, d->progress.due_ms);
	if (d->options->give_up_after_ms >= 0 && trouble.kind != TROUBLE_NONE)
		next_ms = least(next_ms,
		    trouble.since_ms + d->options->give_up_after_ms);
	return next_ms;
}

/* A pipe whose reader has gone is known only by asking. */
static void
watch_reader(struct delivery *d)
{
	struct pollfd out = { .fd = d->ack_fd };

	if (!d->is_reader_gone && poll(&out, 1, 0) == 1 &&
	    (out.revents & (POLLERR | POLLHUP)) != 0)
		note_reader_gone(d);
}

static void
wait(struct delivery *d)
{
	struct curl_waitfd fds[3];
	unsigned count = 0;
	int64_t now_ms = clock_ms();
	unsigned input = UINT32_MAX;

	if (d->grace_ends_ms == INT64_MAX)
		fds[count++] = (struct curl_waitfd){ .fd = d->stop_fd,
			.events = CURL_WAIT_POLLIN };
	if (!d->is_reader_gone)
		fds[count++] = (struct curl_waitfd){ .fd = d->ack_fd };
	if (intake_is_hungry(d->intake)) {
		input = count;
		fds[count++] = (struct curl_waitfd){ .fd = d->input_fd,
			.events = CURL_WAIT_POLLIN };
	} else if (now_ms < d->end_awaited_until_ms) {
		/* Its end shows without being asked for. */
		fds[count++] = (struct curl_waitfd){ .fd = d->input_fd };
	}
	sender_wait(d->sender, fds, count, now_ms,
	    next_wake_ms(d, now_ms) - now_ms);
	if (input != UINT32_MAX && fds[input].revents != 0)
		intake_read(d->intake);
}

static void
turn(struct delivery *d)
{
	int64_t now_ms = clock_ms();

	heed_stop(d, now_ms);
	watch_reader(d);
	intake_turn(d->intake, now_ms);
	sender_turn(d->sender, now_ms);
	acknowledge(d);
	heed_refusal(d);
	heed_done(d, now_ms);
	heed_grace(d, now_ms);
	heed_patience(d, now_ms);
	report(d, now_ms);
}

/* Those in flight, for each of them those that wait to be confirmed, one that
   is ready, and one that is being filled. */
static size_t
most_batches(const struct options *options)
{
	size_t pending = options->is_ack_indexer ? PENDING_PER_REQUEST : 0;

	return options->in_flight * (1 + pending) + 2;
}

int
delivery_run(struct options *options, int input_fd, int ack_fd, int stop_fd)
{
	struct delivery d = { .options = options,
		.input_fd = input_fd,
		.ack_fd = ack_fd,
		.stop_fd = stop_fd,
		.grace_ends_ms = INT64_MAX,
		.stats_due_ms = clock_ms(),
		.exit_code = UNSET };

	if (options->stats_file != NULL &&
	    stats_write(&d.stats, options->stats_file) == -1)
		die(EXIT_CONFIG, "--stats: %s: %s", options->stats_file,
		    strerror(errno));
	d.window = window_new();
	d.aside = aside_open(options->dead_letter, 0, &d.stats);
	if (aside_is(d.aside, input_fd))
		die(EXIT_USAGE,
		    "--dead-letter: %s is the input as well, and might never "
		    "end: rename it first",
		    options->dead_letter);
	d.pool = batch_pool_new(options->batch_bytes, options->batch_lines,
	    most_batches(options));
	struct sender_setup to_send = sender_setup(&d, options);
	struct intake_setup to_take = intake_setup(&d, submit_batch);
	d.sender = sender_new(&to_send);
	d.intake = intake_new(&to_take);
	progress_start(&d.progress, clock_ms());
	for (;;) {
		turn(&d);
		if (d.exit_code != UNSET)
			break;
		wait(&d);
	}
	progress_end(&d.progress);
	d.stats_due_ms = 0;
	report(&d, clock_ms());
	release(&d);
	return d.exit_code;
}

/* --- nothing sent --------------------------------------------------------- */

struct rehearsal {
	struct delivery delivery;
	uint64_t requests;
	uint64_t bytes;
};

static void
count_batch(void *cookie, struct batch *batch)
{
	struct rehearsal *rehearsal = cookie;

	rehearsal->requests += batch->events > 0;
	rehearsal->bytes += batch->body.len_bytes;
	batch_release(batch);
}

int
delivery_rehearse(struct options *options, int input_fd)
{
	struct rehearsal r = { .delivery = { .options = options,
				   .input_fd = input_fd } };
	struct delivery *d = &r.delivery;
	char counts[4][32];

	d->aside = aside_open(NULL, 1, &d->stats);
	d->pool = batch_pool_new(options->batch_bytes, options->batch_lines, 3);
	struct intake_setup setup = intake_setup(d, count_batch);
	setup.cookie = &r;
	d->intake = intake_new(&setup);
	while (!intake_is_done(d->intake)) {
		poll(&(struct pollfd){ .fd = input_fd, .events = POLLIN }, 1,
		    -1); /* for it may be non-blocking */
		intake_read(d->intake);
		intake_turn(d->intake, clock_ms());
	}
	const struct aside_stop *stop = aside_stop(d->aside);
	if (stop != NULL)
		message("%s", stop->words);
	message(
	    "dry run: %s events in %s requests of %s bytes in all; %s could "
	    "not be sent",
	    complaint_count(d->stats.events_read - d->stats.events_set_aside,
		counts[0]),
	    complaint_count(r.requests, counts[1]),
	    complaint_count(r.bytes, counts[2]),
	    complaint_count(d->stats.events_set_aside, counts[3]));
	int is_bad = d->stats.events_set_aside > 0;
	int exit_code = stop ? stop->exit_code : is_bad ? EXIT_DATA : 0;
	release(d);
	return exit_code;
}
