/*
 * What becomes of one body: which of its events are accepted, and what a
 * splunkd answers.  Pure: bytes in, a batch out.
 */
#ifndef STANDIN_HEC_INGEST_H
#define STANDIN_HEC_INGEST_H

#include "batch.h"
#include "envelope.h"

struct ingest_rules {
	struct envelope_rules envelope;
	bool whole_envelope; /* keep the envelope rather than its event */
	bool with_uids;
	size_t keep_most; /* accept no more events than this, then stop */
};

struct ingest {
	struct batch kept;
	int code;      /* the answer's */
	long number;   /* the answer's invalid-event-number; -1: none */
	size_t hidden; /* objects lost without the answer saying so, at least */
};

/*
 * Envelopes back to back.  Objects before a bad one are accepted, it and all
 * behind it are not; code 7 names the object behind the bad one.
 */
void ingest_events(struct ingest *ingest, const char *body, size_t len,
    const struct ingest_rules *rules);

/* Lines. */
void ingest_raw(struct ingest *ingest, const char *body, size_t len,
    const struct ingest_rules *rules);

#endif
