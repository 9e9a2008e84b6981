/*
 * What a reply of the HTTP Event Collector means for the lines of the request.
 * Pure: status, headers that matter and body in; a verdict out.
 *
 * The body decides, not the status: it is HEC's only when it is a JSON object
 * with an integer `code`, whatever its Content-Type.  Anything else (a proxy's
 * HTML, a bare string, nothing) is not HEC's word and so is temporary; not
 * even a 2xx is success then.  The whole code table, 0 to 28, is one table in
 * verdict.c.
 */
#ifndef TP_HEC_VERDICT_H
#define TP_HEC_VERDICT_H

#include <stddef.h>
#include <stdint.h>

enum verdict_kind {
	VERDICT_ACCEPTED,   /* all lines settled (slow_down: codes 24, 25) */
	VERDICT_PREFIX_BAD, /* lines before `bad` settled; `bad` is refused by
			       itself; those behind it were not looked at */
	VERDICT_SOME_BAD,   /* a line is refused but not which: bisect (never
			       said of a single line) */
	VERDICT_RETRY, /* lines before `kept` settled; wait, send the rest */
	VERDICT_TOO_LARGE, /* the request: send it in halves; a single line
			      that is still too large is refused by itself */
	VERDICT_NO_GZIP,   /* 415: send uncompressed from now on (one that
			      was not compressed: wait, send it again) */
	VERDICT_HOLD, /* token, permission, index, channel, certificate: lines
			 before `kept` settled; wait for the operator, louder,
			 then send the rest */
};

enum { VERDICT_TEXT_BYTES = 160 };

struct verdict {
	enum verdict_kind kind;
	size_t bad;          /* VERDICT_PREFIX_BAD: index of the line, from 0 */
	size_t kept;         /* VERDICT_RETRY, VERDICT_HOLD: how many lines HEC
				has kept; may be all of them */
	int is_slow_down;    /* near capacity: accepted, but send less */
	int is_ack_disabled; /* code 14: the token has no indexer
				acknowledgement */
	int code;       /* HEC's code, or -1 when the answer is not HEC's */
	int64_t ack_id; /* -1: none */
	int64_t retry_after_ms;        /* -1: not asked for; capped */
	char text[VERDICT_TEXT_BYTES]; /* HEC's words, or what came instead,
					  printable ASCII */
};

enum { VERDICT_RETRY_AFTER_MAX_MS = 300000 };

struct reply {
	int status; /* HTTP */
	const char *body;
	size_t len_bytes;
	const char *retry_after; /* header value, or NULL */
	int64_t now_seconds; /* wall clock, for a Retry-After that is a date; 0:
				ignore such */
	int is_cut; /* the transfer ended early: the body is not whole */
};

/*
 * `lines`: how many the request had; numbers beyond it are not believed.  With
 * 0 (a probe with an empty body) `code` is what matters: 5 means that the token
 * is good.
 */
struct verdict verdict_of(const struct reply *reply, size_t lines);

/* A word for a kind, for messages and tests. */
const char *verdict_name(enum verdict_kind kind);

#endif
