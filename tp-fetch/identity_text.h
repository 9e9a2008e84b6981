/*
 * An identity file taken apart: which PEM block is the key, which the
 * certificate, which are CAs.  Pure; no block is looked into.
 *
 * The layout (Teleport's api/identityfile): the role of a PEM block is its
 * position, first the private key, second the TLS client certificate, then the
 * TLS CAs; SSH lines, known by their first word, may stand anywhere between
 * and are passed over, as is anything else.
 */
#ifndef TP_FETCH_IDENTITY_TEXT_H
#define TP_FETCH_IDENTITY_TEXT_H

#include <stddef.h>

#include "lib/buffer.h"

enum { IDENTITY_TEXT_MAX_LINE_BYTES = 64 * 1024 };

/* PEM text, every line trimmed and ended by LF; empty where there is none. */
struct identity_text {
	struct buffer key;
	struct buffer certificate;
	struct buffer authorities;
};

/*
 * Returns NULL and fills `text`, or returns what is wrong with the bytes.
 * `text` is to be freed in either case.
 */
const char *identity_text_split(const char *bytes, size_t len_bytes,
    struct identity_text *text);

/* Wipes the key. */
void identity_text_free(struct identity_text *text);

#endif
