/* The command line of tp-certgen. */
#ifndef TP_CERTGEN_OPTIONS_H
#define TP_CERTGEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tp-certgen/alt_names.h"

enum pair { PAIR_CA, PAIR_SERVER, PAIR_CLIENT, PAIR_COUNT };

struct options {
	char *directory; /* absolute */
	struct alt_names server_names;
	int64_t ttl_s;
	unsigned rsa_bits;                /* 0: EC */
	const char *names[PAIR_COUNT];    /* file names without suffix */
	char *key_pass_files[PAIR_COUNT]; /* absolute, or NULL */
	const char *teleport_addr;
	bool is_forced;
};

/* Ends the program on a bad option, and for --help and --version. */
void options_read(struct options *options, int argc, char **argv);

void options_free(struct options *options);

#endif
