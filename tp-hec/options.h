/* tp-hec's command line. */
#ifndef TP_HEC_OPTIONS_H
#define TP_HEC_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/credentials.h"
#include "tp-hec/envelope.h"
#include "tp-hec/intake.h"
#include "tp-hec/sender.h"

enum { OPTIONS_MAX_URLS = 32, OPTIONS_MAX_FIELDS = 24 };

struct options {
	char *urls[OPTIONS_MAX_URLS]; /* complete */
	size_t url_count;
	struct credentials credentials; /* only file names, not yet loaded */
	const char *proxy;
	int is_raw;
	int is_token_in_query;
	int is_ack_indexer;
	int64_t ack_timeout_ms;
	size_t batch_bytes;
	size_t batch_lines;
	int64_t batch_age_ms;
	int64_t timeout_ms;
	unsigned in_flight;
	enum gzip gzip;
	const char *dead_letter;
	size_t most_event_bytes;
	enum oversize oversize;
	struct envelope_options envelope;
	int64_t grace_ms;
	int64_t give_up_after_ms; /* -1: never */
	const char *stats_file;
	int is_check;
	int is_dry_run;
	int is_replay;
	int is_terminal_meant; /* the operand "-" */

	char *fields[OPTIONS_MAX_FIELDS]; /* copies */
	int are_fields_given;
	const char *given_urls[OPTIONS_MAX_URLS];
};

/* Fills *options or ends the program.  Points into argv. */
void options_parse(struct options *options, int argc, char **argv);

/* What all requests have in common; refers to `options`. */
struct request_setup options_request(const struct options *options);

void options_free(struct options *options);

#endif
