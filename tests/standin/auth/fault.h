/* fault.h -- what goes wrong, and at which call.
 *
 * A fault is a text like
 *	rpc=GetUnstructuredEvents,call=3,times=2,status=UNAVAILABLE,message=...
 * A selector (rpc, call, times) says which calls it meets, the rest what
 * happens to them.  Faults that meet the same call add up.  `call` counts the
 * calls of that rpc since the fault was loaded. */
#ifndef STANDIN_AUTH_FAULT_H
#define STANDIN_AUTH_FAULT_H

#include "page.h"

#include <stdint.h>

enum cut { CUT_NONE, CUT_FIN, CUT_RST };

/* What is done to one call.  All zero: nothing. */
struct fault_action {
	int is_set;              /* a fault met this call */
	grpc_status_code status; /* OK: the true answer */
	char message[200];
	int64_t latency_ms;
	int is_hang;            /* no answer until the caller gives up */
	enum cut cut;           /* the connection is cut ... */
	int64_t cut_after;      /* ... after so many more bytes to the client */
	int64_t stall_ms;       /* the connection stands still so long */
	int is_garbage;         /* the reply is not protobuf */
	int is_truncated;       /* the reply's second half is missing */
	struct page_rules page; /* only the half that faults ask for */
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/* -1, after saying what is wrong with the text. */
int faults_add(struct faults *faults, const char *text);
/* Adds each line of a file; `#` begins a comment line. */
int faults_add_file(struct faults *faults, const char *path);
/* Of every hundred calls, about `percent` meet a passing trouble. */
void faults_set_chaos(struct faults *faults, int percent, uint64_t seed);

/* Counts a call of `rpc` (its last path component) and says what happens. */
struct fault_action faults_meet(struct faults *faults, const char *rpc);
/* From now on nothing goes wrong any more. */
void faults_lift(struct faults *faults);
/* 1 if some fault works on connections, which takes the relay. */
int faults_need_relay(const struct faults *faults);

/* "UNAVAILABLE" and the like; NULL for a number that is no status. */
const char *status_name(grpc_status_code status);

#endif
