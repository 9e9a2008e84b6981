/* The command line of tp-fetch. */
#include "tp-fetch/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/cursor_file.h"
#include "lib/message.h"
#include "lib/option.h"
#include "lib/parse.h"
#include "tp-fetch/audit_api.h"

#define SECOND_MS INT64_C(1000)
#define DAY_MS    INT64_C(86400000)

static const struct option_spec specs[] = {
	{ "teleport-addr", 'a', "HOST:PORT",
	    "the Auth Service (localhost:3025)" },
	{ "teleport-identity", 'i', "FILE",
	    "identity file, from tctl auth sign or tbot" },
	{ "teleport-ca", 0, "FILE", "or: the cluster's CA certificates," },
	{ "teleport-cert", 0, "FILE", "    the client certificate" },
	{ "teleport-key", 0, "FILE", "    and its key" },
	{ "state", 's', "DIR",
	    "state directory: resume from it, write its journal" },
	{ "start-time", 0, "WHEN",
	    "where a first run starts: RFC 3339, -24h, now or earliest" },
	{ "exit-on-last-event", 0, NULL,
	    "catch up to the moment of the start, then exit" },
	{ "until", 0, "WHEN", "catch up to WHEN, then exit" },
	{ "types", 0, "LIST", "only these event types, comma separated" },
	{ "skip-event-types", 0, "LIST", "all but these event types" },
	{ "batch", 'b', "N", "events a page (500)" },
	{ "timeout", 't', "DURATION", "pause between polls (5s)" },
	{ "window-size", 0, "DURATION", "time span of a search (24h)" },
	{ "run", 0, "ID", "name this run so (default: time and chance)" },
	{ "lock-fd", 0, "N", "S/lock is open and locked already, as N" },
	{ "tag", 0, NULL,
	    "number the lines, so that filters behind may drop some" },
	{ "give-up-after", 0, "DURATION",
	    "exit 69 or 77 after waiting so long (never)" },
	{ "stats", 0, "FILE", "keep statistics there (Prometheus text)" },
	{ "check", 0, NULL,
	    "test address, credentials and rights; read nothing" },
	{ "dry-run", 0, NULL, "fetch and count; write no event and no state" },
	{ "verbose", 'v', NULL, "say more" },
	{ NULL, 0, NULL, NULL },
};

static const struct option_program program = {
	.usage = "tp-fetch [options] > events.ndjson",
	.summary = "Reads audit events from a Teleport cluster and writes them "
		   "as NDJSON.",
	.options = specs,
	.examples =
	    "  tp-fetch -a auth.example.com:3025 -i identity --start-time -24h \\\n"
	    "      --exit-on-last-event | jq -r .event | sort | uniq -c\n"
	    "  tp-fetch --state S ... | tp-hec ... | tp-cursor --state S\n",
};

/* "a,b,c" cut in place. */
static const char **
split_list(const char *name, const char *value)
{
	size_t count = 1;

	for (const char *c = value; *c != '\0'; c++)
		count += *c == ',';
	const char **list = calloc(count + 1, sizeof(*list));
	char *copy = strdup(value);
	if (list == NULL || copy == NULL)
		die(EXIT_OS, "out of memory");
	list[0] = copy; /* so that list[0] frees it */
	for (size_t i = 0; i < count; i++) {
		list[i] = strsep(&copy, ",");
		if (*list[i] == '\0' || strpbrk(list[i], " \t\r\n") != NULL)
			option_refuse(name, value,
			    "event types with commas between them, and no "
			    "blanks");
	}
	return list;
}

static void
free_list(const char **list)
{
	union {
		const char *in;
		void *out;
	} words = { .in = list == NULL ? NULL : list[0] };

	free(words.out);
	free(list);
}

static int
parse_when(const char *value, struct timestamp *when)
{
	int64_t ago_ms;

	if (strcmp(value, "now") == 0) {
		*when = timestamp_now();
	} else if (*value == '-') {
		if (parse_duration(value + 1, 0, 100 * 365 * DAY_MS, &ago_ms))
			return -1;
		*when = timestamp_add_ms(timestamp_now(), -ago_ms);
	} else {
		return timestamp_parse(value, strlen(value), when);
	}
	/* Whole milliseconds, as events have them. */
	when->nanos -= when->nanos % 1000000;
	return 0;
}

static void
take_start(struct options *options, const char *name, const char *value)
{
	options->start_kind = START_AT;
	if (strcmp(value, "earliest") == 0)
		options->start_kind = START_EARLIEST;
	else if (parse_when(value, &options->start) == -1)
		option_refuse(name, value,
		    "a time such as 2026-11-01T00:00:00Z, -24h, now or "
		    "earliest");
}

static void
take_run(struct options *options, const char *name, const char *value)
{
	if (!cursor_is_run_id(value))
		option_refuse(name, value,
		    "1 to 64 characters of A-Za-z0-9._:-");
	snprintf(options->run, sizeof(options->run), "%s", value);
}

static int
take_connection(struct options *options, const char *name, const char *value)
{
	if (strcmp(name, "teleport-addr") == 0)
		options->address = value;
	else if (strcmp(name, "teleport-identity") == 0)
		options->files.identity = value;
	else if (strcmp(name, "teleport-ca") == 0)
		options->files.ca = value;
	else if (strcmp(name, "teleport-cert") == 0)
		options->files.certificate = value;
	else if (strcmp(name, "teleport-key") == 0)
		options->files.key = value;
	else if (strcmp(name, "give-up-after") == 0)
		options->give_up_after_ms =
		    option_duration_ms(name, value, 0, 365 * DAY_MS);
	else
		return 0;
	return 1;
}

static int
take_range(struct options *options, const char *name, const char *value)
{
	if (strcmp(name, "start-time") == 0) {
		take_start(options, name, value);
	} else if (strcmp(name, "exit-on-last-event") == 0) {
		if (!options->is_bounded)
			options->until = timestamp_now();
		options->is_bounded = 1;
	} else if (strcmp(name, "until") == 0) {
		options->is_bounded = 1;
		if (parse_when(value, &options->until) == -1)
			option_refuse(name, value,
			    "a time such as 2026-11-01T00:00:00Z, -1h or now");
	} else if (strcmp(name, "types") == 0) {
		free_list(options->types);
		options->types = split_list(name, value);
	} else if (strcmp(name, "skip-event-types") == 0) {
		free_list(options->skip_types);
		options->skip_types = split_list(name, value);
	} else if (strcmp(name, "batch") == 0) {
		options->batch =
		    (int32_t)option_number(name, value, 1, AUDIT_API_MAX_LIMIT);
	} else if (strcmp(name, "timeout") == 0) {
		options->poll_ms = option_duration_ms(name, value, 10, DAY_MS);
	} else if (strcmp(name, "window-size") == 0) {
		options->window_ms =
		    option_duration_ms(name, value, SECOND_MS, 366 * DAY_MS);
	} else {
		return 0;
	}
	return 1;
}

static void
take(void *cookie, const char *name, const char *value)
{
	struct options *options = cookie;

	if (take_connection(options, name, value) ||
	    take_range(options, name, value))
		return;
	if (strcmp(name, "state") == 0)
		options->state_path = value;
	else if (strcmp(name, "run") == 0)
		take_run(options, name, value);
	else if (strcmp(name, "lock-fd") == 0)
		options->lock_fd = (int)option_number(name, value, 0, 65535);
	else if (strcmp(name, "stats") == 0)
		options->stats_path = value;
	else if (strcmp(name, "tag") == 0)
		options->is_tagged = 1;
	else if (strcmp(name, "check") == 0)
		options->is_check = 1;
	else if (strcmp(name, "dry-run") == 0)
		options->is_dry_run = 1;
	else if (strcmp(name, "verbose") == 0)
		message_set_verbose(1);
}

/* "20261123T125900Z-1f3a9c02": sorts by time, and chance keeps runs apart. */
static void
make_run_id(char run[65])
{
	char when[TIMESTAMP_BYTES];
	uint32_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		die(EXIT_OS, "getrandom failed");
	timestamp_format((struct timestamp){ timestamp_now().seconds, 0 },
	    when);
	snprintf(run, 65, "%.4s%.2s%.5s%.2s%.2sZ-%08x", when, when + 5,
	    when + 8, when + 14, when + 17, chance);
}

static void
check_together(const struct options *options)
{
	const struct identity_files *files = &options->files;
	const int parts = (files->ca != NULL) + (files->certificate != NULL) +
			  (files->key != NULL);

	if (files->identity != NULL && parts > 0)
		die(EXIT_USAGE,
		    "--teleport-identity stands for itself: not with "
		    "--teleport-ca, -cert or -key");
	if (files->identity == NULL && parts < 3)
		die(EXIT_USAGE,
		    "no credentials: --teleport-identity, or --teleport-ca, "
		    "--teleport-cert and --teleport-key, must be given");
	if (options->lock_fd != -1 && options->state_path == NULL)
		die(EXIT_USAGE, "--lock-fd: only with --state");
	if (options->state_path == NULL && !options->is_check &&
	    options->start_kind == START_NOT_NAMED)
		die(EXIT_USAGE,
		    "--start-time must be given: nothing starts at \"now\" "
		    "silently");
}

void
options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){
		.address = "localhost:3025",
		.batch = 500,
		.poll_ms = 5 * SECOND_MS,
		.window_ms = DAY_MS,
		.lock_fd = -1,
		.give_up_after_ms = -1,
	};
	int first = option_parse(&program, argc, argv, take, options);
	if (first < argc)
		die(EXIT_USAGE, "%s: takes no operand (see --help)",
		    argv[first]);
	check_together(options);
	if (parse_address(options->address, "3025", options->host,
		options->port) == -1)
		option_refuse("teleport-addr", options->address,
		    "an address such as auth.example.com:3025");
	if (options->run[0] == '\0')
		make_run_id(options->run);
}

void
options_free(struct options *options)
{
	free_list(options->types);
	free_list(options->skip_types);
}
