/*
 * The command line: one table gives the parser and the help.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "../say.h"
#include "codes.h"

enum {
	MAX_BODY_BYTES = 838860800,        /* max_content_length, 7.1.0 on */
	MAX_EVENT_BYTES = 5 * 1024 * 1024, /* maxEventSize */
	ACK_IDLE_MS = 600000,              /* maxIdleTime */
	ACK_CHANNEL_LIMIT = 1000000,
	KEEP_ALIVE_MS = 7200000, /* keepAliveIdleTimeout */
};

enum option_id {
	LISTEN = 256,
	PORT_FILE,
	CERT,
	KEY,
	CLIENT_CA,
	TLS,
	TOKEN,
	OUT,
	OUT_ENVELOPE,
	UNTOLD_OUT,
	UIDS,
	STATS,
	DISCARD,
	MAX_BODY,
	MAX_EVENT,
	NO_GZIP,
	CLOUD,
	POISON,
	ACK_DELAY,
	ACK_IDLE,
	ACK_LIMIT,
	INDEXERS,
	NO_COOKIE,
	FAULT,
	FAULT_FILE,
	CHAOS,
	CHAOS_SEED,
	CHAOS_KINDS,
	CLOSE_AFTER,
	IDLE,
	DIE_WITH_PARENT,
	HELP,
};

static const struct {
	enum option_id id;
	const char *name;
	const char *argument; /* NULL: none */
	const char *help;
} table[] = {
	{ LISTEN, "listen", "ADDRESS:PORT",
	    "IPv4; port 0 takes a free one (127.0.0.1:0)" },
	{ PORT_FILE, "port-file", "FILE",
	    "gets the port, once connections are accepted" },
	{ CERT, "cert", "FILE", "TLS with this chain; without it plain HTTP" },
	{ KEY, "key", "FILE", "its key" },
	{ CLIENT_CA, "client-ca", "FILE",
	    "a client certificate signed by this CA is required" },
	{ TLS, "tls", "1.2|1.3", "only this version (both)" },
	{ TOKEN, "token", "VALUE[,WORD]...",
	    "repeatable; words: ack, disabled, query, index=NAME" },
	{ OUT, "out", "FILE",
	    "append accepted events, one a line, byte for byte" },
	{ OUT_ENVELOPE, "out-envelope", NULL,
	    "append their envelopes rather than the events" },
	{ UNTOLD_OUT, "untold-out", "FILE",
	    "append events kept without the answer telling" },
	{ UIDS, "uids", NULL, "count distinct uid members" },
	{ STATS, "stats", "FILE",
	    "statistics as JSON, at SIGUSR1 and at the end" },
	{ DISCARD, "discard", NULL,
	    "count lines and bytes only: for benchmarks" },
	{ MAX_BODY, "max-body", "BYTES",
	    "413 for bodies above, as sent (838860800)" },
	{ MAX_EVENT, "max-event-bytes", "BYTES",
	    "code 6 for events above (5242880)" },
	{ NO_GZIP, "no-gzip", NULL, "415 for gzip too" },
	{ CLOUD, "cloud", NULL, "code 28 where Enterprise has 10" },
	{ POISON, "poison", "TEXT[:CODE]",
	    "repeatable; events with TEXT are refused (6)" },
	{ ACK_DELAY, "ack-delay-ms", "MS",
	    "until events are indexed and their id is true (0)" },
	{ ACK_IDLE, "ack-idle-ms", "MS",
	    "an unused channel is forgotten (600000)" },
	{ ACK_LIMIT, "ack-channel-limit", "N",
	    "ids pending on a channel, then code 9 (1000000)" },
	{ INDEXERS, "indexers", "N",
	    "behind a balancer; cookie AWSALB sticks to one (1)" },
	{ NO_COOKIE, "no-cookie", NULL,
	    "the balancer sets none: each request meets the next indexer" },
	{ FAULT, "fault", "SPEC", "repeatable; see below" },
	{ FAULT_FILE, "fault-file", "FILE",
	    "a SPEC a line; read again at SIGHUP" },
	{ CHAOS, "chaos", "PERCENT", "of ingest requests fail by chance" },
	{ CHAOS_SEED, "chaos-seed", "N", "the same N, the same luck (1)" },
	{ CHAOS_KINDS, "chaos-kinds", "NAME,...",
	    "only faults whose names begin so, e.g. reset,status-5" },
	{ CLOSE_AFTER, "close-after", "N",
	    "close a connection after N requests" },
	{ IDLE, "idle-ms", "MS", "close one idle for so long (7200000)" },
	{ DIE_WITH_PARENT, "die-with-parent", NULL,
	    "SIGTERM when the parent ends" },
	{ HELP, "help", NULL, "this" },
};
enum { OPTION_COUNT = sizeof table / sizeof table[0] };

static const char fault_help[] =
    "\nFaults: SPEC is key=value,... and strikes one request unless told "
    "otherwise.\n\n"
    "  kind=status       a HEC reply: status=503 code=N text=T event=N "
    "retry-after=S\n"
    "  kind=html         a proxy's page: status=502 (200 too)\n"
    "  kind=redirect     status=307 location=URL\n"
    "  kind=truncated    200, cut in its body\n"
    "  kind=empty        200 without a body\n"
    "  kind=hang         no answer, closes after ms=30000; at=before|mid|after "
    "the body\n"
    "  kind=reset        TCP reset; at=before|mid|after (after)\n"
    "  kind=close        close without an answer; at=before|mid|after "
    "(after)\n"
    "  kind=refuse       served, then no new connections for ms=30000\n"
    "  kind=restart      an indexer forgets ids and events in memory, then "
    "serves;\n"
    "                    indexer=N (all)\n"
    "  kind=latency      answer ms=N later   (these three go with any other)\n"
    "  kind=slow-read    read the body at rate=BYTES a second\n"
    "  kind=slow-answer  write the answer at rate=BYTES a second\n\n"
    "  keep=N|all        events accepted all the same.  Unless given: status "
    "with\n"
    "                    event=N keeps N (code 7: N-1), 200 with code 0, 24, 25 "
    "all,\n"
    "                    truncated all, hang, reset and close all when "
    "at=after;\n"
    "                    html, redirect, empty and other statuses none\n"
    "  request=K         the first to strike, counted on its paths (1)\n"
    "  times=N           so many requests (1; 0 for ever)\n"
    "  every=E           every E-th request\n"
    "  for-ms=MS         rather for so long from the first\n"
    "  until=usr2        rather until SIGUSR2\n"
    "  path=P            ingest (event and raw), event, raw, ack, health, "
    "any\n\n"
    "Of several that match, the first strikes.  Where the answer does not tell "
    "of\nevents that were kept, they count as ambiguous_kept: the sender may "
    "send them\nagain.  With an ack token the same holds for events_indexed "
    "less\nevents_confirmed.\n\n"
    "Also: GET /standin/stats; POST /standin/restart[?indexer=N].\n"
    "Signals: USR1 writes --stats, USR2 ends until=usr2, HUP reads "
    "--fault-file,\nTERM and INT stop.\n";

static _Noreturn void
print_help(void)
{
	printf("usage: standin-hec --token VALUE [OPTION]...\n\n"
	       "A stand-in for Splunk's HTTP Event Collector, for tests.\n\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof name, "--%s %s", table[i].name,
		    table[i].argument ? table[i].argument : "");
		printf("  %-28s %s\n", name, table[i].help);
	}
	fputs(fault_help, stdout);
	exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

static uint64_t
number(const char *name, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' ||
	    value < least || value > most)
		die(EX_USAGE, "--%s: from %llu to %llu, not %s", name,
		    (unsigned long long)least, (unsigned long long)most, text);
	return value;
}

static void
set_listen(struct options *options, char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		die(EX_USAGE, "--listen: ADDRESS:PORT, not %s", text);
	*colon = '\0';
	options->host = text;
	options->port = (uint16_t)number("listen", colon + 1, 0, UINT16_MAX);
}

static void
add_poison(struct options *options, char *text)
{
	struct poison *poison = calloc(1, sizeof *poison);
	char *colon = strrchr(text, ':');

	if (poison == NULL)
		die(EX_OSERR, "memory: a poison refused");
	poison->code = HEC_INVALID_FORMAT;
	if (colon != NULL) {
		*colon = '\0';
		poison->code =
		    (int)number("poison", colon + 1, 1, HEC_CODE_LAST);
	}
	poison->text = text;
	poison->next = options->poison;
	options->poison = poison;
}

static void
set_file_or_flag(struct options *options, enum option_id id, const char *text)
{
	switch (id) {
	case PORT_FILE:
		options->port_file = text;
		break;
	case CERT:
		options->cert = text;
		break;
	case KEY:
		options->key = text;
		break;
	case CLIENT_CA:
		options->client_ca = text;
		break;
	case TLS:
		options->tls_version = text;
		break;
	case OUT:
		options->out = text;
		break;
	case OUT_ENVELOPE:
		options->whole_envelope = true;
		break;
	case UNTOLD_OUT:
		options->untold_out = text;
		break;
	case UIDS:
		options->with_uids = true;
		break;
	case STATS:
		options->stats_file = text;
		break;
	case DISCARD:
		options->discards = true;
		break;
	case NO_GZIP:
		options->refuses_gzip = true;
		break;
	case NO_COOKIE:
		options->acks.sets_no_cookie = true;
		break;
	case CLOUD:
		options->is_cloud = true;
		break;
	case FAULT_FILE:
		options->fault_file = text;
		break;
	case CHAOS_KINDS:
		options->chaos_kinds = text;
		break;
	case DIE_WITH_PARENT:
		options->dies_with_parent = true;
		break;
	default:
		break;
	}
}

static void
set_number(struct options *options, enum option_id id, const char *name,
    const char *text)
{
	switch (id) {
	case MAX_BODY:
		options->max_body_bytes = number(name, text, 1, UINT32_MAX);
		break;
	case MAX_EVENT:
		options->max_event_bytes = number(name, text, 1, UINT32_MAX);
		break;
	case ACK_DELAY:
		options->acks.delay_ms =
		    (int64_t)number(name, text, 0, INT_MAX);
		break;
	case ACK_IDLE:
		options->acks.idle_ms = (int64_t)number(name, text, 1, INT_MAX);
		break;
	case ACK_LIMIT:
		options->acks.channel_limit = number(name, text, 1, INT_MAX);
		break;
	case INDEXERS:
		options->acks.indexers = (int)number(name, text, 1, 1000);
		break;
	case CHAOS:
		options->chaos_percent = (int)number(name, text, 0, 100);
		break;
	case CHAOS_SEED:
		options->chaos_seed = number(name, text, 0, UINT32_MAX);
		break;
	case CLOSE_AFTER:
		options->close_after = number(name, text, 1, INT_MAX);
		break;
	case IDLE:
		options->idle_ms = (int)number(name, text, 1, INT_MAX);
		break;
	default:
		break;
	}
}

static void
set_option(struct options *options, struct faults *faults, int index,
    char *text)
{
	enum option_id id = table[index].id;

	if (id == HELP)
		print_help();
	else if (id == LISTEN)
		set_listen(options, text);
	else if (id == TOKEN)
		tokens_add(&options->tokens, text);
	else if (id == POISON)
		add_poison(options, text);
	else if (id == FAULT)
		faults_add(faults, text);
	set_file_or_flag(options, id, text);
	set_number(options, id, table[index].name, text);
}

static void
set_defaults(struct options *options)
{
	*options = (struct options){
		.host = "127.0.0.1",
		.max_body_bytes = MAX_BODY_BYTES,
		.max_event_bytes = MAX_EVENT_BYTES,
		.acks = { .indexers = 1,
		    .idle_ms = ACK_IDLE_MS,
		    .channel_limit = ACK_CHANNEL_LIMIT },
		.chaos_seed = 1,
		.idle_ms = KEEP_ALIVE_MS,
	};
}

void
options_parse(struct options *options, struct faults *faults, int argc,
    char **argv)
{
	struct option longs[OPTION_COUNT + 1] = { 0 };
	int index, found;

	set_defaults(options);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		longs[i] = (struct option){ table[i].name,
			table[i].argument ? required_argument : no_argument,
			NULL, (int)table[i].id };
	while ((found = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (found == '?')
			exit(EX_USAGE);
		set_option(options, faults, index, optarg);
	}
	if (optind < argc)
		die(EX_USAGE, "%s: not an option", argv[optind]);
	if (options->tokens == NULL)
		die(EX_USAGE, "--token is missing");
	if ((options->cert == NULL) != (options->key == NULL))
		die(EX_USAGE, "--cert and --key go together");
	if (options->client_ca != NULL && options->cert == NULL)
		die(EX_USAGE, "--client-ca: only with --cert");
	if (options->discards &&
	    (options->out != NULL || options->untold_out != NULL ||
		options->with_uids))
		die(EX_USAGE, "--discard looks at no event: not with --out, "
			      "--untold-out or --uids");
	faults_set_chaos(faults, options->chaos_percent, options->chaos_seed,
	    options->chaos_kinds, tokens_use_ack(options->tokens));
}

void
options_free(struct options *options)
{
	tokens_free(options->tokens);
	while (options->poison != NULL) {
		struct poison *next = options->poison->next;
		free(options->poison);
		options->poison = next;
	}
}
