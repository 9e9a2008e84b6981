/*
 * Records of a journal in order, from an offset.  DESIGN.md has their forms.
 *
 * The journal grows while it is read, so only whole lines count: peek says
 * JOURNAL_END until a record's newline is there, and may be asked again.
 *
 *     while (journal_reader_peek(reader, &record) == JOURNAL_RECORD) {
 *             ...
 *             journal_reader_advance(reader);
 *     }
 *
 * Memory: one block, and beyond it only as much as the longest record.
 */
#ifndef TP_CURSOR_JOURNAL_READER_H
#define TP_CURSOR_JOURNAL_READER_H

#include <stddef.h>
#include <stdint.h>

enum { JOURNAL_RECORD_MAX_BYTES = 64 << 20 };

enum journal_status {
	JOURNAL_RECORD,
	JOURNAL_END,     /* no whole record more, so far */
	JOURNAL_DAMAGED, /* what stands at the offset is no record */
	JOURNAL_ERROR    /* pread failed; errno says why */
};

enum journal_kind {
	JOURNAL_LINE,
	JOURNAL_MOVE,
	JOURNAL_FINISHED /* the run ended by itself after `lines` lines */
};

struct journal_record {
	enum journal_kind kind;
	const char *uid;      /* of a line; points into the text */
	size_t uid_len_bytes; /* 0: it has none that can be named */
	const char *patch;
	size_t patch_len_bytes; /* 0: none */
	int64_t lines;
};

/*
 * One record, given without its newline.  The patch's JSON is not looked into.
 * -1: not of the grammar.  Pure.
 */
int journal_record_parse(const char *text, size_t len_bytes,
    struct journal_record *record);

struct journal_reader;

/* Reads `fd` (which stays the caller's) from `offset_bytes` on. */
struct journal_reader *journal_reader_new(int fd, int64_t offset_bytes);
void journal_reader_free(struct journal_reader *reader);

/* The next line's text, whatever it is; valid until the next call. */
enum journal_status journal_reader_peek_text(struct journal_reader *reader,
    const char **text, size_t *len_bytes);

/* The same as a record. */
enum journal_status journal_reader_peek(struct journal_reader *reader,
    struct journal_record *record);

/* Goes behind what was peeked last, which must have been there. */
void journal_reader_advance(struct journal_reader *reader);

/* Where the next record begins. */
int64_t journal_reader_offset(const struct journal_reader *reader);

#endif
