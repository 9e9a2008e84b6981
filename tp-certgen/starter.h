/*
 * The starter configuration that goes with the certificates: text, with the
 * why and how as comments.  Pure.
 */
#ifndef TP_CERTGEN_STARTER_H
#define TP_CERTGEN_STARTER_H

#include <stdbool.h>

#include "lib/buffer.h"

struct starter {
	const char *directory; /* absolute, where the files are */
	const char *ca_name;   /* the pairs' names, without suffix */
	const char *server_name;
	const char *client_name;
	const char *teleport_addr; /* "host:port" */
	const char *hec_host;      /* as it stands in a URL */
	const char *hec_token;
	bool has_server_key_pass;
	const char *client_key_pass_file; /* absolute, or NULL */
};

/* For `tctl create -f`: a role that may read the audit log, and its user. */
void starter_write_role(struct buffer *text);

/* For `tp-pipeline --env`. */
void starter_write_pipeline(const struct starter *starter, struct buffer *text);

/* For Splunk: a HEC that insists on the client certificate, and a token. */
void starter_write_inputs(const struct starter *starter, struct buffer *text);

#endif
