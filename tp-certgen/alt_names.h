/*
 * What a server certificate is valid for: host names and addresses, checked,
 * in the words of OpenSSL's subjectAltName.  Pure.
 */
#ifndef TP_CERTGEN_ALT_NAMES_H
#define TP_CERTGEN_ALT_NAMES_H

#include "lib/buffer.h"

/* A zeroed struct holds no names. */
struct alt_names {
	struct buffer extension; /* "DNS:splunk.example.com,IP:192.0.2.1" */
	char url_host[256];      /* the first of them as a URL says it */
};

/*
 * Adds each of a comma-separated list.  A host name may begin with "*."; -1:
 * one of them is not a host name, or not an IPv4 or IPv6 address.
 */
int alt_names_add_hosts(struct alt_names *names, const char *list);
int alt_names_add_addresses(struct alt_names *names, const char *list);

void alt_names_free(struct alt_names *names);

#endif
