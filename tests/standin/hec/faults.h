/*
 * What goes wrong, and when: faults written by the test, and seeded chaos.
 *
 * A fault is a line of key=value pairs, joined by commas; `--help` lists them.
 * faults_plan() turns those that match a request into one plan for it.
 */
#ifndef STANDIN_HEC_FAULTS_H
#define STANDIN_HEC_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEEP_ALL SIZE_MAX

enum fault_kind {
	FAULT_NONE,
	FAULT_STATUS, /* a HEC reply of the test's choice */
	FAULT_HTML,   /* a proxy's page, with any status */
	FAULT_REDIRECT,
	FAULT_TRUNCATED, /* 200, its body cut in the middle, then closed */
	FAULT_EMPTY,     /* 200 without a body */
	FAULT_HANG,      /* says nothing, then closes */
	FAULT_RESET,     /* a TCP reset */
	FAULT_CLOSE,     /* closes without an answer */
	FAULT_REFUSE,    /* serves this one; new connections are refused */
	FAULT_RESTART,   /* an indexer restarts, then serves this one */
	FAULT_LATENCY,   /* the last three go together with any other */
	FAULT_SLOW_READ,
	FAULT_SLOW_ANSWER,
};

enum fault_point { FAULT_BEFORE, FAULT_MID, FAULT_AFTER }; /* the body */

enum { FAULT_TEXT_MAX = 160 };

/* What to do with one request. */
struct plan {
	enum fault_kind kind;
	enum fault_point at;
	char name[32]; /* for the statistics, "reset-after"; "" without one */
	size_t keep;   /* events to accept, at most */
	int status;
	int code;                  /* -1: none */
	long number;               /* invalid-event-number; -1: none */
	int retry_after;           /* seconds; -1: none */
	int indexer;               /* to restart; -1: all */
	int64_t ms;                /* hang, refuse */
	char text[FAULT_TEXT_MAX]; /* "": the code's own words */
	char location[FAULT_TEXT_MAX];
	int64_t latency_ms;
	int64_t read_rate; /* bytes a second; 0: full speed */
	int64_t answer_rate;
};

/* Paths that a fault may be limited to; ROUTE_INGEST is event and raw. */
enum fault_path { PATH_EVENT = 1, PATH_RAW = 2, PATH_ACK = 4, PATH_HEALTH = 8 };

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/* Adds one written fault; ends the program when it cannot be understood. */
void faults_add(struct faults *faults, const char *spec);

/* Replaces those of this file, a fault a line, by what it holds now. */
void faults_read_file(struct faults *faults, const char *path);

/*
 * One ingest request in a hundred times `percent` fails by chance.  `kinds`
 * (NULL: all) is a list of names, or beginnings of names, joined by commas.
 */
void faults_set_chaos(struct faults *faults, int percent, uint64_t seed,
    const char *kinds, bool with_acks);

/* Ends the faults that were to last until a signal. */
void faults_relent(struct faults *faults);

/* The plan for a request on `path` with so many bytes of body to come. */
void faults_plan(struct faults *faults, enum fault_path path,
    uint64_t body_bytes, struct plan *plan);

#endif
