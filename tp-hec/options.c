/* tp-hec's command line. */
#include "tp-hec/options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "lib/option.h"
#include "tp-hec/truncate.h"
#include "tp-hec/url.h"

static const char default_sourcetype[] = "teleport:audit";

static const struct option_spec specs[] = {
	{ "url", 'u', "URL",
	    "receiver, such as https://splunk:8088; may be repeated" },
	{ "token-file", 't', "FILE", "file that holds the HEC token" },
	{ "ca", 0, "FILE", "CA certificates of the receivers (PEM)" },
	{ "cert", 0, "FILE", "client certificate (PEM)" },
	{ "key", 0, "FILE", "its key (default: in the file of --cert)" },
	{ "key-pass-file", 0, "FILE", "file with the key's passphrase" },
	{ "proxy", 0, "URL", "HTTP proxy (default: as $https_proxy says)" },
	{ "token-in-query", 0, NULL,
	    "send the token as ?token=, not a header" },
	{ "endpoint", 'e', "event|raw", "HEC endpoint (default event)" },
	{ "ack", 0, "http|indexer",
	    "delivered means accepted, or indexed (default http)" },
	{ "ack-timeout", 0, "TIME",
	    "send again what is not indexed after this (default 5m)" },
	{ "batch-bytes", 'b', "SIZE", "bytes a request (default 1M)" },
	{ "batch-lines", 0, "N", "lines a request (default 20000)" },
	{ "batch-age", 0, "TIME", "longest a line waits (default 1s)" },
	{ "in-flight", 'j', "N", "requests at a time (default 4)" },
	{ "timeout", 0, "TIME", "longest wait for a reply (default 60s)" },
	{ "gzip", 'z', "auto|on|off",
	    "compress (default auto: unless the receiver is local)" },
	{ "dead-letter", 'd', "FILE",
	    "set undeliverable events aside here (default: stop)" },
	{ "max-event-bytes", 0, "SIZE", "largest event (default 5M)" },
	{ "oversize", 0, "dead|truncate|stop",
	    "larger ones: set aside, cut, or stop (default dead)" },
	{ "host", 0, "TEXT", "host of all events" },
	{ "source", 0, "TEXT", "source of all events" },
	{ "sourcetype", 0, "TEXT",
	    "sourcetype of all events (default teleport:audit)" },
	{ "index", 0, "NAME", "index (default: the token's own)" },
	{ "host-field", 0, "NAME", "member that holds an event's host" },
	{ "source-field", 0, "NAME", "member that holds its source" },
	{ "sourcetype-field", 0, "NAME", "member that holds its sourcetype" },
	{ "index-field", 0, "NAME", "member that holds its index" },
	{ "fields", 0, "NAMES",
	    "members to index, comma-separated, or none (default uid)" },
	{ "grace", 0, "TIME",
	    "after SIGTERM, how long to deliver what was read (default 30s)" },
	{ "give-up-after", 0, "TIME",
	    "exit when no receiver has taken anything for so long" },
	{ "stats", 0, "FILE", "keep statistics there (Prometheus text)" },
	{ "check", 0, NULL, "ask the receivers about us, send nothing, exit" },
	{ "dry-run", 0, NULL, "read and check the input, send nothing" },
	{ "replay-dead-letter", 0, NULL,
	    "the input is a dead-letter file: send its events again" },
	{ "verbose", 'v', NULL, "say more" },
	{ 0 },
};

static const struct option_program program = {
	.usage = "tp-hec --url URL --token-file FILE [OPTION...] < EVENTS "
		 "> ACKS",
	.summary =
	    "Sends events, one JSON object a line, to Splunk's HTTP Event "
	    "Collector, and\nwrites `ack N` when the first N lines are safe.",
	.options = specs,
	.examples =
	    "  tp-hec --url https://splunk:8088 --token-file token < "
	    "events.ndjson\n"
	    "  tp-fetch --state S | tp-hec -u https://splunk:8088 -t token \\\n"
	    "      --dead-letter dead.ndjson | tp-cursor --state S\n"
	    "  tp-hec --check -u https://splunk:8088 -t token --ca ca.pem\n",
};

static void
add_url(struct options *options, const char *value)
{
	if (options->url_count == OPTIONS_MAX_URLS)
		die(EXIT_USAGE, "--url: at most %d", OPTIONS_MAX_URLS);
	options->given_urls[options->url_count++] = value;
}

/* "uid,event,user" or "none" */
static void
add_fields(struct options *options, const char *value)
{
	size_t *count = &options->envelope.field_count;

	options->are_fields_given = 1;
	if (strcmp(value, "none") == 0)
		return;
	for (const char *name = value;; name++) {
		size_t len_bytes = strcspn(name, ",");
		if (len_bytes == 0)
			option_refuse("fields", value, "a list of names");
		if (*count == OPTIONS_MAX_FIELDS)
			die(EXIT_USAGE, "--fields: at most %d names",
			    OPTIONS_MAX_FIELDS);
		char *copy = strndup(name, len_bytes);
		if (copy == NULL)
			die(EXIT_OS, "out of memory");
		options->fields[(*count)++] = copy;
		name += len_bytes;
		if (*name == '\0')
			return;
	}
}

/* Options whose values are kept as they stand. */
static int
take_text(struct options *o, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = {
		{ "token-file", &o->credentials.token_file },
		{ "ca", &o->credentials.ca_file },
		{ "cert", &o->credentials.certificate_file },
		{ "key", &o->credentials.key_file },
		{ "key-pass-file", &o->credentials.pass_file },
		{ "proxy", &o->proxy },
		{ "dead-letter", &o->dead_letter },
		{ "stats", &o->stats_file },
		{ "host", &o->envelope.fixed[ENVELOPE_HOST] },
		{ "source", &o->envelope.fixed[ENVELOPE_SOURCE] },
		{ "sourcetype", &o->envelope.fixed[ENVELOPE_SOURCETYPE] },
		{ "index", &o->envelope.fixed[ENVELOPE_INDEX] },
		{ "host-field", &o->envelope.member[ENVELOPE_HOST] },
		{ "source-field", &o->envelope.member[ENVELOPE_SOURCE] },
		{ "sourcetype-field",
		    &o->envelope.member[ENVELOPE_SOURCETYPE] },
		{ "index-field", &o->envelope.member[ENVELOPE_INDEX] },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, name) == 0) {
			*texts[i].text = value;
			return 1;
		}
	return 0;
}

static int
take_flag(struct options *o, const char *name)
{
	if (strcmp(name, "check") == 0)
		o->is_check = 1;
	else if (strcmp(name, "dry-run") == 0)
		o->is_dry_run = 1;
	else if (strcmp(name, "replay-dead-letter") == 0)
		o->is_replay = 1;
	else if (strcmp(name, "token-in-query") == 0)
		o->is_token_in_query = 1;
	else if (strcmp(name, "verbose") == 0)
		message_set_verbose(1);
	else
		return 0;
	return 1;
}

static int
take_time(struct options *o, const char *name, const char *value)
{
	static const int64_t day_ms = 24 * 3600 * 1000;

	if (strcmp(name, "batch-age") == 0)
		o->batch_age_ms = option_duration_ms(name, value, 0, day_ms);
	else if (strcmp(name, "timeout") == 0)
		o->timeout_ms = option_duration_ms(name, value, 100, day_ms);
	else if (strcmp(name, "ack-timeout") == 0)
		o->ack_timeout_ms =
		    option_duration_ms(name, value, 1000, day_ms);
	else if (strcmp(name, "grace") == 0)
		o->grace_ms = option_duration_ms(name, value, 0, day_ms);
	else if (strcmp(name, "give-up-after") == 0)
		o->give_up_after_ms =
		    option_duration_ms(name, value, 0, 365 * day_ms);
	else
		return 0;
	return 1;
}

static int
take_size(struct options *o, const char *name, const char *value)
{
	if (strcmp(name, "batch-bytes") == 0)
		o->batch_bytes = (size_t)option_size(name, value, 1, 800000000);
	else if (strcmp(name, "max-event-bytes") == 0)
		o->most_event_bytes = (size_t)option_size(name, value,
		    TRUNCATE_LEAST_BYTES, 800000000);
	else if (strcmp(name, "batch-lines") == 0)
		o->batch_lines =
		    (size_t)option_number(name, value, 1, 10000000);
	else if (strcmp(name, "in-flight") == 0)
		o->in_flight = (unsigned)option_number(name, value, 1, 256);
	else
		return 0;
	return 1;
}

static void
take(void *cookie, const char *name, const char *value)
{
	static const char *const acks[] = { "http", "indexer", NULL };
	static const char *const endpoints[] = { "event", "raw", NULL };
	static const char *const gzips[] = { "auto", "on", "off", NULL };
	static const char *const oversizes[] = { "dead", "truncate", "stop",
		NULL };
	struct options *o = cookie;

	if (take_text(o, name, value) || take_flag(o, name) ||
	    take_time(o, name, value) || take_size(o, name, value))
		return;
	if (strcmp(name, "url") == 0)
		add_url(o, value);
	else if (strcmp(name, "fields") == 0)
		add_fields(o, value);
	else if (strcmp(name, "ack") == 0)
		o->is_ack_indexer = option_choice(name, value, acks);
	else if (strcmp(name, "endpoint") == 0)
		o->is_raw = option_choice(name, value, endpoints);
	else if (strcmp(name, "gzip") == 0)
		o->gzip = (enum gzip)option_choice(name, value, gzips);
	else
		o->oversize =
		    (enum oversize)option_choice(name, value, oversizes);
}

static void
complete_urls(struct options *o)
{
	const struct url_metadata metadata = {
		.host = o->envelope.fixed[ENVELOPE_HOST],
		.source = o->envelope.fixed[ENVELOPE_SOURCE],
		.sourcetype = o->envelope.fixed[ENVELOPE_SOURCETYPE],
		.index = o->envelope.fixed[ENVELOPE_INDEX],
	};
	const char *path =
	    o->is_raw ? "/services/collector/raw" : "/services/collector/event";
	const char *why;

	for (size_t i = 0; i < o->url_count; i++) {
		o->urls[i] = url_complete(o->given_urls[i], path,
		    o->is_raw ? &metadata : NULL, default_sourcetype, &why);
		if (o->urls[i] == NULL)
			die(EXIT_USAGE, "--url: %s", why);
	}
}

/* What the options say together. */
static void
check_together(struct options *o)
{
	if (o->url_count == 0 && !o->is_dry_run)
		die(EXIT_USAGE, "--url is needed (see --help)");
	if (o->credentials.key_file != NULL &&
	    o->credentials.certificate_file == NULL)
		die(EXIT_USAGE, "--key: needs --cert");
	if (o->is_token_in_query && o->credentials.token_file == NULL)
		die(EXIT_USAGE, "--token-in-query: needs --token-file");
	if (o->is_check && o->is_dry_run)
		die(EXIT_USAGE, "--check and --dry-run: one of them");
	if (!o->is_raw)
		return;
	for (int key = 0; key < ENVELOPE_KEYS; key++)
		if (o->envelope.member[key] != NULL)
			die(EXIT_USAGE, "--endpoint raw: an event has no host, "
					"source, sourcetype or index of its "
					"own there");
	if (o->envelope.field_count > 0)
		die(EXIT_USAGE, "--endpoint raw: takes no --fields");
}

void
options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .batch_bytes = 1000000,
		.batch_lines = 20000,
		.batch_age_ms = 1000,
		.timeout_ms = 60 * 1000,
		.ack_timeout_ms = 300 * 1000,
		.in_flight = 4,
		.gzip = GZIP_AUTO,
		.most_event_bytes = 5000000,
		.grace_ms = 30 * 1000,
		.give_up_after_ms = -1 };
	int operand = option_parse(&program, argc, argv, take, o);

	if (operand < argc && strcmp(argv[operand], "-") == 0) {
		o->is_terminal_meant = 1;
		operand++;
	}
	if (operand < argc)
		die(EXIT_USAGE, "%s: events come on standard input",
		    argv[operand]);
	o->envelope.fields = (const char *const *)o->fields;
	if (!o->is_raw && !o->are_fields_given)
		add_fields(o, "uid"); /* for a search's dedup */
	check_together(o);
	complete_urls(o);
	if (o->envelope.fixed[ENVELOPE_SOURCETYPE] == NULL)
		o->envelope.fixed[ENVELOPE_SOURCETYPE] = default_sourcetype;
}

struct request_setup
options_request(const struct options *options)
{
	return (struct request_setup){ .credentials = &options->credentials,
		.proxy = options->proxy,
		.timeout_ms = options->timeout_ms,
		.is_token_in_query = options->is_token_in_query,
		.is_ack_polled = options->is_ack_indexer };
}

void
options_free(struct options *options)
{
	for (size_t i = 0; i < options->url_count; i++)
		free(options->urls[i]);
	for (size_t i = 0; i < options->envelope.field_count; i++)
		free(options->fields[i]);
	credentials_wipe(&options->credentials);
}
