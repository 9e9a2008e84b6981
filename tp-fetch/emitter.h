/*
 * The one owner of stdout and of the journal.
 *
 * Invariant: a line's record is in the journal before the line is on stdout,
 * and stdout gets whole lines only.  Both are buffered here and leave together,
 * journal first; what is buffered has not been sent and may be forgotten.
 *
 * Every call that writes may block on stdout for as long as its reader likes.
 */
#ifndef TP_FETCH_EMITTER_H
#define TP_FETCH_EMITTER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct emitter;

enum emitter_status {
	EMITTER_OK,
	EMITTER_READER_GONE, /* EPIPE: nobody reads on */
	EMITTER_ERROR        /* said already */
};

/*
 * Lines go to `out_fd` (-1: nowhere, they are only counted).  `dir_fd` is the
 * state directory, or -1 for no journal; a new journal for `run` that starts
 * from `state` is put in place of the old one.  With `is_tagged` each line's
 * first member is "_tp":"RUN/N", what it is in this run, so that a filter on
 * the way may drop lines.  `state_path` and `run` are kept.  NULL: said why.
 */
struct emitter *emitter_new(int out_fd, int dir_fd, const char *state_path,
    const char *run, int is_tagged, const json_t *state);

/*
 * The buffer to append the next line's JSON to, without its newline.  Then
 * call emitter_line(), or emitter_forget() to drop what was appended.
 */
struct buffer *emitter_open_line(struct emitter *emitter);
void emitter_forget(struct emitter *emitter);

/*
 * Ends the open line.  `uid` is its uid if that can stand in an
 * acknowledgement (else length 0), `id` what it is remembered by; both plain
 * (lib/uid.h).
 */
enum emitter_status emitter_line(struct emitter *emitter, const char *uid,
    size_t uid_len_bytes, const char *id, size_t id_len_bytes);

/* Records a change of state that belongs to no line. */
void emitter_move(struct emitter *emitter, const json_t *patch);

/* Writes out what is buffered. */
enum emitter_status emitter_flush(struct emitter *emitter);

/* The run ends by itself: flushes, and records how many lines it had. */
enum emitter_status emitter_finish(struct emitter *emitter);

/* How many lines were ended so far. */
uint64_t emitter_lines(const struct emitter *emitter);

/* Forgets what is buffered. */
void emitter_free(struct emitter *emitter);

#endif
