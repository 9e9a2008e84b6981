/* options.h -- the command line. */
#ifndef STANDIN_AUTH_OPTIONS_H
#define STANDIN_AUTH_OPTIONS_H

#include "page_key.h"
#include "relay.h"

enum mode { MODE_SERVE, MODE_LIST_UIDS, MODE_DUMP };

/* An option that may be given several times. */
struct texts {
	const char **list;
	size_t count;
	size_t capacity;
};

struct options {
	enum mode mode;

	struct sockaddr_in listen;
	const char *port_file;
	const char *certificate;
	const char *key;
	const char *client_ca;
	const char *cluster;
	const char *version;
	int keepalive_ms;
	int keepalive_timeout_ms;
	int max_age_ms;
	int min_ping_ms;

	struct texts events;
	struct texts late;
	size_t synthetic;
	uint64_t seed;
	int64_t start_ns;
	int64_t interval_ns;
	size_t big_bytes;
	int is_live;

	enum key_style key_style;
	size_t page_bytes;
	size_t max_event_bytes;

	struct texts faults;
	const char *fault_file;
	int chaos_percent;
	uint64_t chaos_seed;
	int has_relay;
	struct relay_rules relay;

	const char *stats;
	const char *log;
	int dies_with_parent;
};

/* The strings of *options are those of argv.  Prints help, or a usage error,
 * and exits by itself. */
void options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
