/*
 * The command line.
 */
#ifndef STANDIN_HEC_OPTIONS_H
#define STANDIN_HEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "acks.h"
#include "envelope.h"
#include "faults.h"
#include "tokens.h"

struct options {
	const char *host; /* to listen on */
	uint16_t port;    /* 0: any */
	const char *port_file;
	const char *cert; /* NULL: plain HTTP */
	const char *key;
	const char *client_ca;
	const char *tls_version;

	struct token *tokens;
	const char *out;
	const char *untold_out;
	const char *stats_file;
	bool whole_envelope;
	bool with_uids;
	bool discards;

	uint64_t max_body_bytes;
	uint64_t max_event_bytes;
	bool refuses_gzip;
	bool is_cloud;
	struct poison *poison;

	struct acks_settings acks;

	const char *fault_file;
	int chaos_percent;
	uint64_t chaos_seed;
	const char *chaos_kinds;
	uint64_t close_after; /* requests on a connection; 0: never */
	int idle_ms;

	bool dies_with_parent;
};

/*
 * Ends the program on --help and on what it cannot understand.  Faults go
 * straight to `faults`.
 */
void options_parse(struct options *options, struct faults *faults, int argc,
    char **argv);
void options_free(struct options *options);

#endif
