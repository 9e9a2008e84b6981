/* The command line of tp-fetch. */
#ifndef TP_FETCH_OPTIONS_H
#define TP_FETCH_OPTIONS_H

#include <stdint.h>

#include "lib/timestamp.h"
#include "tp-fetch/identity.h"

enum start_kind { START_NOT_NAMED, START_AT, START_EARLIEST };

struct options {
	const char *address; /* as given */
	char host[256];
	char port[6];
	struct identity_files files;
	const char *state_path; /* NULL: no state */
	enum start_kind start_kind;
	struct timestamp start; /* START_AT */
	int is_bounded;
	struct timestamp until; /* when is_bounded */
	int32_t batch;
	int64_t poll_ms;
	int64_t window_ms;
	const char **types;      /* NULL-terminated, or NULL: all */
	const char **skip_types; /* the same; NULL: none */
	char run[65];
	int lock_fd;              /* -1: not given */
	int64_t give_up_after_ms; /* -1: never */
	const char *stats_path;   /* NULL: none */
	int is_tagged;
	int is_check;
	int is_dry_run;
};

/* Ends the program (64) when the command line is not right. */
void options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
