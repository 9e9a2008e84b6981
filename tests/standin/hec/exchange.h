/*
 * One request and its answer: the answer's forms, and the account of it.
 */
#ifndef STANDIN_HEC_EXCHANGE_H
#define STANDIN_HEC_EXCHANGE_H

#include "http.h"
#include "standin.h"
#include "transport.h"

struct exchange {
	struct standin *standin;
	struct transport *transport;
	struct http *http;
	struct http_request request;
	const struct token *token;
	struct plan plan;
	struct outcome outcome;
	int indexer;
	struct bytes *body; /* the connection's, used anew for each request */
	bool closes;        /* the connection, after this answer */
};

/* A HEC reply. */
struct reply {
	int status;
	int code;
	const char *text; /* "" or NULL: the code's own */
	long number;      /* -1: none */
	int64_t ack_id;   /* -1: none */
};

/*
 * Each writes one answer, after skipping what is left of the body; true when
 * it was written in full to a peer that was still there.
 */
bool exchange_reply(struct exchange *exchange, const struct reply *reply);
bool exchange_code(struct exchange *exchange, int code);
bool exchange_plain(struct exchange *exchange, int status, int code);
bool exchange_html(struct exchange *exchange, int status);
bool exchange_json(struct exchange *exchange, json_t *json); /* takes it */
bool exchange_empty(struct exchange *exchange, const char *headers);
bool exchange_redirect(struct exchange *exchange);

/* A reply of which only half of the body is sent before closing. */
void exchange_truncated(struct exchange *exchange, const struct reply *reply);

/*
 * Carries out a hang, a reset or a close, if the plan has one for this point;
 * true when it did, and the connection is over.
 */
bool exchange_breaks(struct exchange *exchange, enum fault_point point);

/* What an answer tells of `kept` events: how many of them it accepts. */
size_t reply_tells(const struct reply *reply, size_t kept);

#endif
