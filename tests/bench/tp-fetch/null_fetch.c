/*
 * A client that throws everything away: tp-fetch's own identity, link and rpc
 * modules and nothing behind them, so that its rate is the most that the
 * network side allows.  Pages are asked for as tp-fetch does: the next call is
 * begun as soon as the page's last key is known.  Prints one line.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "auditlog.pb-c.h"
#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/message.h"
#include "lib/option.h"
#include "lib/parse.h"
#include "lib/stop.h"
#include "lib/timestamp.h"
#include "tp-fetch/identity.h"
#include "tp-fetch/link.h"
#include "tp-fetch/rpc.h"
#include "tp-fetch/wire.h"

enum { CONNECT_MS = 10 * 1000, CALL_MS = 60 * 1000 };

static const char method[] =
    "/teleport.auditlog.v1.AuditLogService/GetUnstructuredEvents";

struct settings {
	const char *address;
	struct identity_files files;
	int32_t batch;
	struct timestamp start;
};

struct page {
	int64_t events;
	const uint8_t *key;
	size_t key_bytes;
};

static const struct option_spec options[] = {
	{ "addr", 'a', "HOST:PORT", "the Auth Service" },
	{ "identity", 'i', "FILE", "identity file" },
	{ "batch", 'b', "N", "events per page (500)" },
	{ "start", 's', "TIME", "where to begin (1970)" },
	{ 0 },
};

static const struct option_program program = {
	.usage = "null-fetch --addr HOST:PORT --identity FILE [OPTION...]",
	.summary = "Fetch audit events and count them.",
	.options = options,
};

static void
take_option(void *cookie, const char *name, const char *value)
{
	struct settings *settings = cookie;

	if (strcmp(name, "addr") == 0)
		settings->address = value;
	else if (strcmp(name, "identity") == 0)
		settings->files.identity = value;
	else if (strcmp(name, "batch") == 0)
		settings->batch =
		    (int32_t)option_number(name, value, 1, 100000);
	else if (timestamp_parse(value, strlen(value), &settings->start) == -1)
		option_refuse(name, value, "a time as RFC 3339 has it");
}

static struct rpc *
connect_rpc(const struct settings *settings)
{
	static const char *const alpn[] = { "h2", NULL };
	static const char server_name[] = "teleport.cluster.local";
	struct link_failure failure;
	char why[512];
	char host[256];
	char port[6];
	int64_t deadline_ms = clock_ms() + CONNECT_MS;
	struct identity *identity = identity_load(&settings->files, why);

	if (identity == NULL)
		die(EXIT_CONFIG, "%s", why);
	if (parse_address(settings->address, "3025", host, port) == -1)
		option_refuse("addr", settings->address, "HOST:PORT");
	struct link *link =
	    link_tcp_connect(host, port, deadline_ms, -1, &failure);
	if (link != NULL)
		link = link_tls_connect(link, identity->context, server_name,
		    alpn, deadline_ms, -1, &failure);
	if (link == NULL)
		die(failure.is_refusal ? EXIT_REFUSED : EXIT_UNAVAILABLE, "%s",
		    failure.why);
	identity_free(identity);
	return rpc_new(link, server_name);
}

static void
begin_page(struct rpc *rpc, const struct settings *settings, char *key)
{
	Tp__GetUnstructuredEventsRequest request;
	Tp__Timestamp from;
	Tp__Timestamp to;
	char namespace[] = "default";
	uint8_t bytes[4096];

	tp__get_unstructured_events_request__init(&request);
	tp__timestamp__init(&from);
	tp__timestamp__init(&to);
	from.seconds = settings->start.seconds;
	from.nanos = settings->start.nanos;
	to.seconds = timestamp_now().seconds + 86400;
	request.namespace_ = namespace;
	request.start_date = &from;
	request.end_date = &to;
	request.limit = settings->batch;
	request.start_key = key;
	request.order = TP__ORDER__ASC;
	if (tp__get_unstructured_events_request__get_packed_size(&request) >
	    sizeof(bytes))
		die(EXIT_DATA, "the page key is longer than 3 KiB");
	rpc_begin(rpc, method, bytes,
	    tp__get_unstructured_events_request__pack(&request, bytes),
	    CALL_MS);
}

static void
read_page(const struct rpc_reply *reply, struct page *page)
{
	struct wire_reader reader = wire_open(reply->bytes, reply->len_bytes);
	struct wire_field field = { 0 };

	*page = (struct page){ 0 };
	while (wire_next(&reader, &field)) {
		if (field.number == 1)
			page->events++;
		if (field.number == 2 && field.type == WIRE_BYTES) {
			page->key = field.bytes;
			page->key_bytes = field.len_bytes;
		}
	}
	if (reader.is_bad)
		die(EXIT_DATA, "a page is not protobuf");
}

/* Returns the number of events, up to a page without a key. */
static int64_t
fetch_all(struct rpc *rpc, const struct settings *settings, int stop_fd)
{
	struct buffer key = { 0 };
	struct rpc_reply reply;
	struct page page;
	int64_t events = 0;

	begin_page(rpc, settings, buffer_text(&key));
	do {
		rpc_collect(rpc, stop_fd, &reply);
		if (reply.status != RPC_OK)
			die(reply.is_refusal ? EXIT_REFUSED : EXIT_UNAVAILABLE,
			    "%s: %s", rpc_status_name(reply.status),
			    reply.message);
		read_page(&reply, &page);
		key.len_bytes = 0;
		buffer_append(&key, page.key, page.key_bytes);
		if (page.key_bytes > 0)
			begin_page(rpc, settings, buffer_text(&key));
		events += page.events;
		rpc_reply_free(&reply);
	} while (key.len_bytes > 0);
	buffer_free(&key);
	return events;
}

static double
cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int
main(int argc, char **argv)
{
	struct settings settings = { .batch = 500 };

	message_start("null-fetch");
	option_parse(&program, argc, argv, take_option, &settings);
	if (settings.address == NULL || settings.files.identity == NULL)
		die(EXIT_USAGE, "--addr and --identity are needed");
	int stop_fd = stop_open();
	rpc_library_start();
	struct rpc *rpc = connect_rpc(&settings);
	double cpu_before = cpu_seconds();
	int64_t start_ms = clock_ms();
	int64_t events = fetch_all(rpc, &settings, stop_fd);
	double seconds = (double)(clock_ms() - start_ms) / 1000;
	printf("%lld events  %.3f s  %.0f events/s  %.3f CPU s\n",
	    (long long)events, seconds,
	    seconds > 0 ? (double)events / seconds : 0.0,
	    cpu_seconds() - cpu_before);
	rpc_free(rpc);
	rpc_library_stop();
	return 0;
}
