/* The command line: one table gives the parser and the help its words. */
#include "options.h"

#include "../say.h"
#include "clock.h"
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum word {
	WORD_LISTEN = 1,
	WORD_PORT_FILE,
	WORD_CERT,
	WORD_KEY,
	WORD_CLIENT_CA,
	WORD_CLUSTER,
	WORD_SERVER_VERSION,
	WORD_KEEPALIVE,
	WORD_KEEPALIVE_TIMEOUT,
	WORD_MAX_AGE,
	WORD_MIN_PING,
	WORD_EVENTS,
	WORD_LATE,
	WORD_SYNTHETIC,
	WORD_SEED,
	WORD_START,
	WORD_INTERVAL,
	WORD_BIG,
	WORD_LIVE,
	WORD_KEY_STYLE,
	WORD_PAGE_BYTES,
	WORD_MAX_EVENT,
	WORD_FAULT,
	WORD_FAULT_FILE,
	WORD_CHAOS,
	WORD_CHAOS_SEED,
	WORD_RELAY,
	WORD_RELAY_DELAY,
	WORD_RELAY_RATE,
	WORD_RELAY_CUT,
	WORD_STATS,
	WORD_LOG,
	WORD_DIE,
	WORD_LIST_UIDS,
	WORD_DUMP,
	WORD_HELP,
	WORD_COUNT,
};

struct description {
	const char *name;
	const char *argument; /* NULL: none */
	const char *help;
};

static const struct description words[WORD_COUNT] = {
	[WORD_LISTEN] = { "listen", "ADDRESS:PORT",
	    "IPv4; port 0 takes a free one (127.0.0.1:0)" },
	[WORD_PORT_FILE] = { "port-file", "FILE",
	    "write the port there, whole, once the server is ready" },
	[WORD_CERT] = { "cert", "FILE", "the server's certificate, PEM" },
	[WORD_KEY] = { "key", "FILE", "its key, PEM" },
	[WORD_CLIENT_CA] = { "client-ca", "FILE",
	    "CAs of client certificates, which are required" },
	[WORD_CLUSTER] = { "cluster", "NAME", "(example.com)" },
	[WORD_SERVER_VERSION] = { "server-version", "X.Y.Z", "(17.4.2)" },
	[WORD_KEEPALIVE] = { "keepalive-ms", "MS",
	    "ping clients so often (60000)" },
	[WORD_KEEPALIVE_TIMEOUT] = { "keepalive-timeout-ms", "MS",
	    "and drop who is silent for so long after it (180000)" },
	[WORD_MAX_AGE] = { "max-age-ms", "MS",
	    "GOAWAY to each connection after so long (never)" },
	[WORD_MIN_PING] = { "min-ping-ms", "MS",
	    "GOAWAY to clients that ping more often (60000)" },
	[WORD_EVENTS] = { "events", "FILE",
	    "NDJSON, one event a line; repeatable, re-read on SIGHUP" },
	[WORD_LATE] = { "late", "FILE",
	    "more of the same, served from SIGUSR1 on; repeatable" },
	[WORD_SYNTHETIC] = { "synthetic", "N",
	    "serve N made-up events, none of them kept in memory" },
	[WORD_SEED] = { "seed", "S", "of the synthetic events (1)" },
	[WORD_START] = { "start", "TIME",
	    "of the first, RFC 3339 or `now` (2026-11-01T00:00:00Z)" },
	[WORD_INTERVAL] = { "interval-ms", "MS",
	    "between them, may be a fraction or 0 (10)" },
	[WORD_BIG] = { "big-event", "BYTES",
	    "one more event, the first of --start, whose JSON is so big" },
	[WORD_LIVE] = { "live", NULL,
	    "an event is seen only once its time has come" },
	[WORD_KEY_STYLE] = { "key-style", "position|uid",
	    "what page keys are (position)" },
	[WORD_PAGE_BYTES] = { "page-bytes", "BYTES",
	    "of event JSON in a page at most (1048576)" },
	[WORD_MAX_EVENT] = { "max-event", "BYTES",
	    "answer UNKNOWN where a page would begin with a larger event" },
	[WORD_FAULT] = { "fault", "SPEC", "see below; repeatable" },
	[WORD_FAULT_FILE] = { "fault-file", "FILE",
	    "one SPEC a line, re-read on SIGHUP" },
	[WORD_CHAOS] = { "chaos", "PERCENT",
	    "of calls meet a random passing trouble" },
	[WORD_CHAOS_SEED] = { "chaos-seed", "S", "of that (1)" },
	[WORD_RELAY] = { "relay", NULL,
	    "put the TCP relay in front even if nothing asks for it yet" },
	[WORD_RELAY_DELAY] = { "relay-delay-ms", "MS",
	    "delay bytes so long, each way" },
	[WORD_RELAY_RATE] = { "relay-bytes-per-s", "N",
	    "to the client, per connection" },
	[WORD_RELAY_CUT] = { "relay-cut-bytes", "N[,rst]",
	    "cut each connection after N bytes to the client" },
	[WORD_STATS] = { "stats", "FILE",
	    "write figures there, whole, after each signal and at exit" },
	[WORD_LOG] = { "log", "FILE", "append each call there, NDJSON" },
	[WORD_DIE] = { "die-with-parent", NULL,
	    "be killed when the process that started this one ends" },
	[WORD_LIST_UIDS] = { "list-uids", NULL,
	    "print the ids of all events, late ones too, and exit" },
	[WORD_DUMP] = { "dump", NULL,
	    "print the events as NDJSON, keys sorted, and exit" },
	[WORD_HELP] = { "help", NULL, "print this" },
};

static const char help_head[] =
    "Usage: standin-auth --cert FILE --key FILE --client-ca FILE [OPTION...]\n"
    "       standin-auth --list-uids | --dump [OPTION...]\n"
    "A stand-in for a Teleport Auth Service: Ping and paged event search over\n"
    "mutual TLS, with faults on demand.  A tool for tests.\n\n";

static const char help_tail[] =
    "\nEvents come in the order of time, then `ei`, then id.  An event's id is\n"
    "its `uid`, else the SHA-256 of its line; one without a time has that of\n"
    "the line before it.  --dump writes integers plain and other numbers as C\n"
    "does: compare it with other JSON through `jq -cS .`.\n"
    "\n"
    "A fault SPEC is a list of words, separated by commas.  Which calls:\n"
    "  rpc=NAME          GetUnstructuredEvents, Ping, ... (any)\n"
    "  call=N            from the Nth such call since the SPEC was read (1)\n"
    "  times=N           so many of them; 0 is for ever (1)\n"
    "What happens to them:\n"
    "  status=NAME       UNAVAILABLE, PERMISSION_DENIED, ... instead of a page\n"
    "  latency-ms=MS     answer so much later\n"
    "  hang              no answer until the caller gives up\n"
    "  disconnect[=rst]  cut the connection now, by FIN or RST\n"
    "  after-bytes=N     ... not now, but N bytes to the client later\n"
    "  stall-ms=MS       no byte to the client for so long\n"
    "  page-limit=N      N events at most, whatever the caller's limit\n"
    "  empty-page        no events, and a key that leads to the same place\n"
    "  same-key          last_key is the caller's own start_key\n"
    "  drop-key          last_key is empty although more is there\n"
    "  duplicate         the page's first event comes twice\n"
    "  overlap           last_key is one event early, if the page is full\n"
    "  bad-key[=STATUS]  to any start_key: INVALID_ARGUMENT, or that\n"
    "  garbage           the reply is not protobuf\n"
    "  truncate          the reply's second half is missing\n"
    "  message=TEXT      of the status; must be the last word\n"
    "With key style uid, empty-page spares a page without a start_key.\n"
    "disconnect, stall-ms, --chaos and the relay options put the relay in\n"
    "front; with --fault-file ask for it by --relay.\n"
    "\n"
    "Signals: SIGHUP reads --events and --fault-file again; SIGUSR1 adds\n"
    "--late; SIGUSR2 lifts all faults for good; SIGTERM ends.  `signals` in\n"
    "--stats counts those that are done.\n";

static void
print_help(void)
{
	fputs(help_head, stdout);
	for (int word = 1; word < WORD_COUNT; word++) {
		const struct description *about = &words[word];
		int width = printf("  --%s%s%s", about->name,
		    about->argument ? " " : "",
		    about->argument ? about->argument : "");

		printf("%*s %s\n", width < 32 ? 32 - width : 0, "",
		    about->help);
	}
	fputs(help_tail, stdout);
	exit(fflush(stdout) ? EXIT_OS : 0);
}

static void
add_text(struct texts *texts, const char *text)
{
	texts->list = x_grow(texts->list, &texts->capacity, texts->count + 1,
	    sizeof *texts->list);
	texts->list[texts->count++] = text;
}

static int64_t
number(const char *name, const char *text, int64_t highest)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < 0 || value > highest)
		die(EXIT_USAGE, "--%s: %s: not a number from 0 to %lld", name,
		    text, (long long)highest);
	return value;
}

static int64_t
interval(const char *text)
{
	char *end;
	double ms = strtod(text, &end);

	if (end == text || *end || !(ms >= 0 && ms <= 86400000))
		die(EXIT_USAGE,
		    "--interval-ms: %s: not a number from 0 to 86400000", text);
	return (int64_t)(ms * (double)NS_PER_MS);
}

static int64_t
start(const char *text)
{
	int64_t time_ns;

	if (strcmp(text, "now") == 0)
		return clock_now_ns();
	if (clock_parse(text, &time_ns))
		die(EXIT_USAGE, "--start: %s: not an RFC 3339 time", text);
	return time_ns;
}

static struct sockaddr_in
address(const char *text)
{
	struct sockaddr_in listen = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN] = "";

	if (!colon)
		die(EXIT_USAGE, "--listen: %s: not an IPv4 ADDRESS:PORT", text);
	if ((size_t)(colon - text) < sizeof host)
		memcpy(host, text, (size_t)(colon - text));
	if (inet_pton(AF_INET, host, &listen.sin_addr) != 1)
		die(EXIT_USAGE, "--listen: %s: not an IPv4 ADDRESS:PORT", text);
	listen.sin_port = htons((uint16_t)number("listen", colon + 1, 65535));
	return listen;
}

static void
relay_cut_bytes(struct relay_rules *rules, const char *text)
{
	char *end;

	rules->cut_after = strtoll(text, &end, 10);
	rules->cut = strcmp(end, ",rst") == 0 ? CUT_RST : CUT_FIN;
	if (end == text || (*end && rules->cut == CUT_FIN) ||
	    rules->cut_after < 1)
		die(EXIT_USAGE, "--relay-cut-bytes: %s: not N or N,rst", text);
}

static enum key_style
key_style(const char *text)
{
	if (strcmp(text, "position") == 0)
		return KEY_POSITION;
	if (strcmp(text, "uid") != 0)
		die(EXIT_USAGE, "--key-style: %s: not position or uid", text);
	return KEY_UID;
}

static void
take_events(struct options *options, enum word word, const char *text)
{
	const char *name = words[word].name;

	switch (word) {
	case WORD_EVENTS:
		add_text(&options->events, text);
		break;
	case WORD_LATE:
		add_text(&options->late, text);
		break;
	case WORD_SYNTHETIC:
		options->synthetic =
		    (size_t)number(name, text, INT64_C(1) << 40);
		break;
	case WORD_SEED:
		options->seed = (uint64_t)number(name, text, INT64_MAX);
		break;
	case WORD_START:
		options->start_ns = start(text);
		break;
	case WORD_INTERVAL:
		options->interval_ns = interval(text);
		break;
	case WORD_BIG:
		options->big_bytes = (size_t)number(name, text, 1 << 30);
		break;
	case WORD_LIVE:
		options->is_live = 1;
		break;
	case WORD_KEY_STYLE:
		options->key_style = key_style(text);
		break;
	case WORD_PAGE_BYTES:
		options->page_bytes = (size_t)number(name, text, 1 << 30);
		break;
	default:
		options->max_event_bytes = (size_t)number(name, text, 1 << 30);
		break;
	}
}

static void
take_trouble(struct options *options, enum word word, const char *text)
{
	const char *name = words[word].name;

	if (word >= WORD_RELAY)
		options->has_relay = 1;
	switch (word) {
	case WORD_FAULT:
		add_text(&options->faults, text);
		break;
	case WORD_FAULT_FILE:
		options->fault_file = text;
		break;
	case WORD_CHAOS:
		options->chaos_percent = (int)number(name, text, 100);
		break;
	case WORD_CHAOS_SEED:
		options->chaos_seed = (uint64_t)number(name, text, INT64_MAX);
		break;
	case WORD_RELAY_DELAY:
		options->relay.delay_ms = number(name, text, 3600000);
		break;
	case WORD_RELAY_RATE:
		options->relay.bytes_per_second =
		    number(name, text, INT64_C(1) << 40);
		break;
	case WORD_RELAY_CUT:
		relay_cut_bytes(&options->relay, text);
		break;
	default: /* --relay itself says no more */
		break;
	}
}

static void
take_server(struct options *options, enum word word, const char *text)
{
	const char *name = words[word].name;

	switch (word) {
	case WORD_LISTEN:
		options->listen = address(text);
		break;
	case WORD_PORT_FILE:
		options->port_file = text;
		break;
	case WORD_CERT:
		options->certificate = text;
		break;
	case WORD_KEY:
		options->key = text;
		break;
	case WORD_CLIENT_CA:
		options->client_ca = text;
		break;
	case WORD_CLUSTER:
		options->cluster = text;
		break;
	case WORD_SERVER_VERSION:
		options->version = text;
		break;
	case WORD_KEEPALIVE:
		options->keepalive_ms = (int)number(name, text, INT32_MAX);
		break;
	case WORD_KEEPALIVE_TIMEOUT:
		options->keepalive_timeout_ms =
		    (int)number(name, text, INT32_MAX);
		break;
	case WORD_MAX_AGE:
		options->max_age_ms = (int)number(name, text, INT32_MAX);
		break;
	default:
		options->min_ping_ms = (int)number(name, text, INT32_MAX);
		break;
	}
}

static void
take(struct options *options, enum word word, const char *text)
{
	if (word <= WORD_MIN_PING)
		take_server(options, word, text);
	else if (word <= WORD_MAX_EVENT)
		take_events(options, word, text);
	else if (word <= WORD_RELAY_CUT)
		take_trouble(options, word, text);
	else if (word == WORD_STATS)
		options->stats = text;
	else if (word == WORD_LOG)
		options->log = text;
	else if (word == WORD_DIE)
		options->dies_with_parent = 1;
	else if (word == WORD_LIST_UIDS)
		options->mode = MODE_LIST_UIDS;
	else if (word == WORD_DUMP)
		options->mode = MODE_DUMP;
	else
		print_help();
}

static void
check(const struct options *options, int argc)
{
	if (optind != argc)
		die(EXIT_USAGE, "too many arguments (see --help)");
	if (options->mode == MODE_SERVE &&
	    (!options->certificate || !options->key || !options->client_ca))
		die(EXIT_USAGE, "--cert, --key and --client-ca are needed");
	if (!options->page_bytes)
		die(EXIT_USAGE, "--page-bytes: 0 would hold no event");
}

void
options_parse(struct options *options, int argc, char **argv)
{
	struct option known[WORD_COUNT] = { { 0 } };
	int word;

	*options = (struct options){
		.listen = address("127.0.0.1:0"),
		.cluster = "example.com",
		.version = "17.4.2",
		.keepalive_ms = 60000,
		.keepalive_timeout_ms = 180000,
		.max_age_ms = INT32_MAX,
		.min_ping_ms = 60000,
		.seed = 1,
		.start_ns = start("2026-11-01T00:00:00Z"),
		.interval_ns = 10 * NS_PER_MS,
		.page_bytes = 1 << 20,
		.chaos_seed = 1,
	};
	for (word = 1; word < WORD_COUNT; word++)
		known[word - 1] = (struct option){ words[word].name,
			words[word].argument ? required_argument : no_argument,
			NULL, word };
	while ((word = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (word == '?')
			exit(EXIT_USAGE);
		take(options, (enum word)word, optarg);
	}
	check(options, argc);
}

void
options_free(struct options *options)
{
	free(options->events.list);
	free(options->late.list);
	free(options->faults.list);
	*options = (struct options){ 0 };
}
