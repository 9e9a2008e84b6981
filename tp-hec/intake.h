/*
 * From input lines to batches: the tag comes off, the line is checked and
 * wrapped, and a batch goes on when it is full or old enough.
 *
 * Lines that carry no event are settled with their neighbours: blank ones, and
 * those set aside.  While there is no batch to spare nothing is read.
 */
#ifndef TP_HEC_INTAKE_H
#define TP_HEC_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/batch.h"
#include "tp-hec/envelope.h"

struct aside;
struct stats;

enum oversize { OVERSIZE_DEAD, OVERSIZE_TRUNCATE, OVERSIZE_STOP };

struct intake_setup {
	int fd;
	int is_raw;    /* lines go as they are, unchecked */
	int is_replay; /* lines are records of a dead-letter file */
	struct envelope_options envelope;
	size_t most_event_bytes;
	enum oversize oversize;
	int64_t batch_age_ms;
	struct batch_pool *pool;
	struct aside *aside;
	struct stats *stats;
	void (*submit)(void *cookie, struct batch *batch);
	void *cookie;
};

struct intake;

/* Ends the program when the envelope cannot be made as asked. */
struct intake *intake_new(const struct intake_setup *setup);
void intake_free(struct intake *intake);

/* Whether it has used up what was read and has room for more. */
int intake_is_hungry(const struct intake *intake);

/* One read(2), which blocks when nothing is there. */
void intake_read(struct intake *intake);

/* Makes batches of what was read; submits those that are due. */
void intake_turn(struct intake *intake, int64_t now_ms);

/* When it has to have a turn: at once, when the batch in hand is due, or not
   before something else happens (INT64_MAX). */
int64_t intake_due_ms(const struct intake *intake);

/* Reads no more.  Whole lines that were read still go out. */
void intake_close(struct intake *intake);

/* Whether everything has been submitted and nothing more will come. */
int intake_is_done(const struct intake *intake);

/* Whether the input ended, rather than that it is read no more. */
int intake_is_at_end(const struct intake *intake);

/* Whether something was read that has become no line: once intake_is_done(),
   the input has more than was taken. */
int intake_has_rest(const struct intake *intake);

/* How many lines were taken. */
int64_t intake_lines(const struct intake *intake);

#endif
