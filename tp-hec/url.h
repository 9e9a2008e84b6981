/*
 * A receiver's address as the user writes it, to the address that requests go
 * to.  Pure.
 */
#ifndef TP_HEC_URL_H
#define TP_HEC_URL_H

#include <stddef.h>

/* Metadata for a whole request, as /raw takes it; each may be NULL. */
struct url_metadata {
	const char *host;
	const char *source;
	const char *sourcetype;
	const char *index;
};

/*
 * "https://host:8088" gets the endpoint's path and, where `sourcetype` has no
 * value, `default_sourcetype` (NULL: none); a URL with a path is used as it
 * is.  `metadata` (NULL for /event) is added to the query.  The caller frees
 * the result; NULL: not usable, *why says why.
 */
char *url_complete(const char *text, const char *path,
    const struct url_metadata *metadata, const char *default_sourcetype,
    const char **why);

/*
 * Where the receiver that takes events at `url` answers questions about
 * ackIds of `channel`.  The caller frees the result.
 */
char *url_ack(const char *url, const char *channel);

/* `url` for people: without user, query and fragment. */
void url_name(const char *url, char *name, size_t name_bytes);

/* Whether the URL's host is this machine's loopback. */
int url_is_loopback(const char *url);

#endif
