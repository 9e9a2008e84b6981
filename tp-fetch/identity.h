/*
 * Who we are to Teleport: an identity file, or certificate, key and CA files,
 * made into an SSL_CTX.
 *
 * Exactly one certificate is sent (a server refuses more), always, whatever CA
 * list the server hints at; only the identity's CAs are trusted, never the
 * system's, and each of them by itself, whether or not it is self-signed.
 * A PEM block's label is not believed: Teleport has written wrong ones.
 */
#ifndef TP_FETCH_IDENTITY_H
#define TP_FETCH_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

struct identity_files {
	const char *identity; /* or NULL and the next three */
	const char *ca;
	const char *certificate;
	const char *key;
};

struct identity {
	struct ssl_ctx_st *context; /* TLS 1.2 at least; owned */
	int64_t not_after;          /* expiry, seconds since the epoch */
	char cluster[256];          /* subject attribute 1.3.9999.1.7, or "" */
	char user[256];             /* subject CN, or "" */
};

/*
 * Reads the files anew.  NULL with one line in `why`: naming the file and what
 * is wrong with it (missing, empty, not PEM, certificate and key swapped or of
 * different pairs, no CA ...).  One that has expired is read like any other:
 * it may be renewed while we wait, so that `not_after` is the caller's to
 * check.
 */
struct identity *
identity_load(const struct identity_files *files, char why[512]);

/* The same from the text of an identity file; `name` is for messages. */
struct identity *identity_parse(const char *name, const void *bytes,
    size_t len_bytes, char why[512]);

void identity_free(struct identity *identity);

/* 0 when it names another cluster; where one of the two is "" nobody knows. */
int identity_may_be_of(const struct identity *identity, const char *cluster);

/*
 * Whether a file has changed (mtime, inode, size, or whether it is there)
 * since `stamp`, which is updated; the first call on a zeroed stamp says 1.
 */
struct identity_stamp {
	uint64_t value;
};
int identity_has_changed(const struct identity_files *files,
    struct identity_stamp *stamp);

#endif
