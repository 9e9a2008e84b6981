/*
 * What scanning a line and wrapping it cost: ns an event and GB/s, best of
 * several rounds, over events of a file or over one that is built in.
 *
 *	build/bench/tp-hec/scan [FILE.ndjson]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "lib/message.h"
#include "tp-hec/envelope.h"
#include "tp-hec/scan.h"

enum {
	ROUNDS = 60,
	LINES_A_ROUND = 20000,
	MAX_FILE_BYTES = 1 << 28,
	BATCH_BYTES = 1000000
};

static const char built_in[] =
    "{\"addr.local\":\"172.31.28.130:3022\",\"addr.remote\":"
    "\"67.43.156.18:52136\",\"cluster_name\":\"im-a-cluster-name\",\"code\":"
    "\"T2000I\",\"ei\":0,\"enhanced_recording\":false,\"event\":"
    "\"session.start\",\"identity\":{\"access_requests\":[\"018f64a2-95f4-7a25-"
    "a9c8-1b1a1b6ae9b4\"],\"client_ip\":\"67.43.156.18\",\"expires\":"
    "\"2026-11-23T21:00:00Z\",\"logins\":[\"ubuntu\",\"root\",\"ec2-user\"],"
    "\"route_to_cluster\":\"im-a-cluster-name\",\"traits\":{\"groups\":[\"eng\","
    "\"on-call\",\"staging-admins\"]}},\"initial_command\":[\"sudo\",\"-i\"],"
    "\"login\":\"root\",\"namespace\":\"default\",\"proto\":\"ssh\","
    "\"server_addr\":\"172.31.28.130:3022\",\"server_hostname\":"
    "\"ip-172-31-28-130.ec2.internal\",\"server_id\":\"f84f7386-5e22-45ff-8f7d-"
    "b8079742e63f\",\"server_labels\":{\"env\":\"staging\",\"hostname\":\"ip-172-"
    "31-28-130\",\"team\":\"platform\"},\"session_recording\":\"node\",\"sid\":"
    "\"293fda2d-2266-4d4d-b9d1-bd5ea9dd9fc3\",\"size\":\"80:25\",\"time\":"
    "\"2026-11-23T12:59:59.123Z\",\"uid\":\"de45d0ee-4e46-4a5f-8a5e-"
    "dc5c6f3b9a01\",\"user\":\"alice@example.com\",\"user_kind\":1}\n";

struct lines {
	struct buffer text;
	size_t count;
};

static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
read_lines(struct lines *lines, const char *path)
{
	if (path == NULL)
		buffer_append_text(&lines->text, built_in);
	else if (io_read_file(path, MAX_FILE_BYTES, &lines->text) == -1)
		die(EXIT_IO, "%s: cannot be read", path);
	memset(buffer_reserve(&lines->text, SCAN_PADDING), 0, SCAN_PADDING);
	for (size_t i = 0; i < lines->text.len_bytes; i++)
		lines->count += lines->text.data[i] == '\n';
	if (lines->count == 0)
		die(EXIT_DATA, "no line");
}

/* One pass over all lines; wraps them too when there is an envelope. */
static void
pass(const struct lines *lines, const struct scan_names *names,
    const struct envelope *envelope, struct buffer *into)
{
	const char *line = lines->text.data;
	struct scan_result result;

	for (size_t i = 0; i < lines->count; i++) {
		const char *end = rawmemchr(line, '\n');
		size_t len_bytes = (size_t)(end - line);
		if (scan_object(line, len_bytes, names, &result) != SCAN_OK)
			die(EXIT_DATA, "line %zu, byte %zu: not JSON", i + 1,
			    result.bad_offset);
		if (envelope != NULL) {
			if (into->len_bytes > BATCH_BYTES)
				into->len_bytes = 0;
			envelope_append(envelope, line, len_bytes, &result,
			    into);
		}
		line = end + 1;
	}
}

static void
measure(const char *what, const struct lines *lines,
    const struct scan_names *names, const struct envelope *envelope)
{
	size_t passes = LINES_A_ROUND / lines->count + 1;
	struct buffer into = { 0 };
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double begin = cpu_seconds();
		for (size_t i = 0; i < passes; i++)
			pass(lines, names, envelope, &into);
		double seconds = (cpu_seconds() - begin) / (double)passes;
		if (seconds < best)
			best = seconds;
	}
	printf("%-16s %6.0f ns/event  %5.2f GB/s  (%.0f B/event)\n", what,
	    best * 1e9 / (double)lines->count,
	    (double)lines->text.len_bytes / best / 1e9,
	    (double)lines->text.len_bytes / (double)lines->count);
	buffer_free(&into);
}

int
main(int argc, char **argv)
{
	static const char *const fields[] = { "uid" };
	struct envelope_options options = {
		.fixed = { "host", "teleport", "teleport:audit", "audit" },
		.fields = fields,
		.field_count = 1,
	};
	struct lines lines = { 0 };
	struct scan_names names = { 0 };
	const char *reason;

	message_start("bench-scan");
	read_lines(&lines, argc > 1 ? argv[1] : NULL);
	struct envelope *envelope = envelope_new(&options, &names, &reason);
	if (envelope == NULL)
		die(EXIT_SOFTWARE, "envelope: %s", reason);
	measure("scan", &lines, &names, NULL);
	measure("scan, envelope", &lines, &names, envelope);
	envelope_free(envelope);
	buffer_free(&lines.text);
	return 0;
}
