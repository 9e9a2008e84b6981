/*
 * What proves us to a receiver and a receiver to us: token, CA, certificate,
 * key.  All come from files, none from the command line, and all are read
 * again while a receiver refuses us, so that mending a file is enough.
 */
#ifndef TP_HEC_CREDENTIALS_H
#define TP_HEC_CREDENTIALS_H

#include <stddef.h>

enum { CREDENTIALS_TOKEN_BYTES = 1024, CREDENTIALS_PASS_BYTES = 1024 };

struct credentials {
	const char *token_file; /* each may be NULL */
	const char *ca_file;
	const char *certificate_file;
	const char *key_file; /* NULL: in certificate_file */
	const char *pass_file;
	char token[CREDENTIALS_TOKEN_BYTES + 1]; /* "": none is sent */
	char pass[CREDENTIALS_PASS_BYTES + 1];
};

/*
 * Reads and checks the files.  Ends the program with EXIT_CONFIG when one is
 * not usable; warns when the token is open to others, or the certificate out
 * of date.
 */
void credentials_load(struct credentials *credentials);

/*
 * Reads the secrets again.  A file that is not usable just now leaves what was
 * known.
 */
void credentials_reload(struct credentials *credentials);

/*
 * Masks the token where a peer's words repeat it, as error pages do with a URL
 * or a header.  A token too short to be a secret is left, for it may be a word.
 */
void credentials_mask(const struct credentials *credentials, char *text,
    size_t len_bytes);

/* The same for words that were decoded since. */
void credentials_mask_text(const struct credentials *credentials, char *text);

/* Overwrites the secrets. */
void credentials_wipe(struct credentials *credentials);

#endif
