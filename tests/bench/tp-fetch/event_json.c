/*
 * How long one event takes from Struct bytes to JSON: 4000 events of 8 kinds,
 * 25 top-level members each, entries in random order, in memory; the best of
 * several rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/struct_wire.h"
#include "tp-fetch/event_json.h"

enum { EVENTS = 4000, KINDS = 8, ROUNDS = 40, EVENT_BYTES = 4096 };

/* What all kinds have; 16 members. */
static const char common[] =
    "{\"ei\":%u,\"event\":\"%s\",\"code\":\"T%u000I\","
    "\"time\":\"2026-11-23T%02u:%02u:%02u.%03uZ\","
    "\"uid\":\"%08x-%04x-4%03x-8%03x-%012x\",\"cluster_name\":\"example.com\","
    "\"user\":\"user-%u@example.com\",\"user_traits\":{"
    "\"logins\":[\"root\",\"ubuntu\",\"ec2-user\"],\"email\":"
    "[\"ana.example@example.com\"],\"kubernetes_groups\":[\"developers\","
    "\"viewers\"],\"windows_logins\":null,\"db_roles\":[\"reader\"]},"
    "\"user_kind\":1,"
    "\"sid\":\"%08x-3f1c-4c5a-9d0e-0123456789ab\",\"namespace\":\"default\","
    "\"server_id\":\"%08x-77aa-4f7e-8f1c-a0b1c2d3e4f5\","
    "\"addr.remote\":\"203.0.113.%u:%u\",\"proto\":\"ssh\",\"success\":%s,"
    "\"private_key_policy\":\"none\",%s}";

/* What each has besides; 9 members. */
static const struct {
	const char *event;
	const char *members;
} kinds[KINDS] = {
	{ "user.login",
	    "\"method\":\"local\",\"user_agent\":\"Mozilla/5.0 (X11; Linux "
	    "x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0\","
	    "\"mfa_device\":{\"mfa_device_name\":\"yubi\",\"mfa_device_type\":"
	    "\"WebAuthn\",\"mfa_device_uuid\":\"b1c2d3e4-0000-4000-8000-"
	    "000000000001\"},\"required_private_key_policy\":\"none\","
	    "\"applied_login_rules\":null,\"message\":\"\",\"error\":\"\","
	    "\"impersonator\":null,\"access_requests\":[]" },
	{ "session.start",
	    "\"size\":\"120:40\",\"server_hostname\":\"web-17\","
	    "\"server_addr\":\"10.1.2.3:3022\",\"server_labels\":{\"env\":"
	    "\"production\",\"team\":\"payments\",\"region\":\"eu-west-1\"},"
	    "\"initial_command\":[\"/bin/bash\",\"-l\"],\"session_recording\":"
	    "\"node\",\"addr.local\":\"10.1.2.3:3022\",\"user_roles\":"
	    "[\"access\",\"auditor\",\"dba\"],\"host_traits\":{\"logins\":"
	    "[\"root\",\"ubuntu\"],\"kubernetes_groups\":null}" },
	{ "session.end",
	    "\"interactive\":true,\"enhanced_recording\":false,"
	    "\"participants\":[\"ana\",\"bob\"],\"session_start\":"
	    "\"2026-11-23T10:00:00.123456789Z\",\"session_stop\":"
	    "\"2026-11-23T10:12:34.987654321Z\",\"server_hostname\":\"web-3\","
	    "\"server_labels\":{\"env\":\"staging\",\"note\":\"caf\xc3\xa9 "
	    "\xe2\x80\x93 \xe6\x9d\xb1\xe4\xba\xac\"},\"session_recording\":"
	    "\"node\",\"duration\":754.8642097532" },
	{ "exec",
	    "\"command\":\"psql -c \\\"select * from accounts where id = "
	    "'42'\\\" | tee C:\\\\out.txt\\n\",\"exitCode\":\"0\","
	    "\"exitError\":\"\",\"server_hostname\":\"db-1\",\"server_addr\":"
	    "\"10.9.8.7:3022\",\"server_labels\":{\"env\":\"production\"},"
	    "\"addr.local\":\"10.9.8.7:3022\",\"user_roles\":[\"access\"],"
	    "\"elapsed\":0.12345678901234567" },
	{ "db.session.query",
	    "\"db_service\":\"orders\",\"db_protocol\":\"postgres\",\"db_uri\":"
	    "\"orders.example.internal:5432\",\"db_name\":\"orders\","
	    "\"db_user\":\"reader\",\"db_query\":\"SELECT id, total\\n\\tFROM "
	    "orders WHERE customer = $1 AND state = 'open' ORDER BY id DESC\","
	    "\"db_query_parameters\":[\"4711\",\"true\",null],\"db_type\":"
	    "\"rds\",\"db_labels\":{\"env\":\"production\",\"tier\":\"1\"}" },
	{ "kube.request",
	    "\"verb\":\"GET\",\"request_path\":\"/api/v1/namespaces/kube-"
	    "system/pods\",\"resource_kind\":\"pods\",\"resource_namespace\":"
	    "\"kube-system\",\"resource_api_group\":\"core/v1\","
	    "\"response_code\":200,\"kubernetes_cluster\":\"prod\","
	    "\"kubernetes_users\":[\"ana\"],\"kubernetes_groups\":"
	    "[\"system:masters\",\"viewers\"]" },
	{ "cert.create",
	    "\"cert_type\":\"user\",\"identity\":{\"user\":\"ana\",\"roles\":"
	    "[\"access\",\"editor\"],\"logins\":[\"root\",\"ana\"],\"expires\":"
	    "\"2026-11-24T01:00:00Z\",\"route_to_cluster\":\"example.com\","
	    "\"traits\":{\"email\":[\"ana@example.com\"],\"db_users\":null},"
	    "\"prev_identity_expires\":\"0001-01-01T00:00:00Z\"},"
	    "\"server_hostname\":\"auth\",\"message\":\"\",\"error\":\"\","
	    "\"client_ip\":\"198.51.100.7\",\"trusted_device\":null,"
	    "\"bot_name\":\"\",\"generation\":17" },
	{ "sftp",
	    "\"action\":3,\"path\":\"/var/lib/data/2026/11/23/export.csv.gz\","
	    "\"target_path\":\"\",\"flags\":577,\"working_directory\":"
	    "\"/home/ana\",\"attributes\":{\"file_size\":1048576,\"uid\":1000,"
	    "\"gid\":1000,\"permissions\":420},\"error\":\"\","
	    "\"server_hostname\":\"files-2\",\"server_labels\":{\"env\":"
	    "\"production\",\"load\":\"0.25\"}" }
};

/* One event's Struct bytes. */
static struct buffer
make_event(unsigned kind, uint64_t *seed)
{
	char text[EVENT_BYTES];
	struct buffer bytes = { 0 };
	uint64_t a = struct_wire_random(seed);
	unsigned low = (unsigned)a;
	unsigned high = (unsigned)(a >> 32);

	snprintf(text, sizeof(text), common, low % 50, kinds[kind].event,
	    kind + 1, low % 24, low % 60, high % 60, high % 1000, low,
	    high & 0xffff, high >> 20, low & 0xfff, high, low % 300, high, low,
	    low % 250, high % 60000, low % 5 ? "true" : "false",
	    kinds[kind].members);
	json_t *event = json_loads(text, 0, NULL);
	if (event == NULL)
		abort();
	struct_wire_object(&bytes, event, seed);
	json_decref(event);
	return bytes;
}

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds for all events; `out` holds them afterwards. */
static double
write_all(struct event_json *writer, const struct buffer *events,
    struct buffer *out)
{
	double start_ns = now_ns();

	out->len_bytes = 0;
	for (size_t i = 0; i < EVENTS; i++) {
		struct event_json_found found;
		if (event_json_write(writer, events[i].data,
			events[i].len_bytes, out, &found) != EVENT_JSON_OK)
			abort();
		buffer_append_byte(out, '\n');
	}
	return now_ns() - start_ns;
}

int
main(void)
{
	static struct buffer events[EVENTS];
	struct event_json *writer = event_json_new();
	struct buffer out = { 0 };
	uint64_t seed = 20261123;
	size_t in_bytes = 0;
	double best_ns = 0;

	for (size_t i = 0; i < EVENTS; i++) {
		events[i] =
		    make_event(struct_wire_random(&seed) % KINDS, &seed);
		in_bytes += events[i].len_bytes;
	}
	for (int round = 0; round < ROUNDS; round++) {
		double ns = write_all(writer, events, &out);
		if (round == 0 || ns < best_ns)
			best_ns = ns;
	}
	printf("event_json: %.0f ns/event, %.0f MB/s of JSON (%zu bytes of "
	       "protobuf, %zu of JSON an event)\n",
	    best_ns / EVENTS, (double)out.len_bytes / best_ns * 1e3,
	    in_bytes / EVENTS, out.len_bytes / EVENTS);
	for (size_t i = 0; i < EVENTS; i++)
		buffer_free(&events[i]);
	buffer_free(&out);
	event_json_free(writer);
	return 0;
}
