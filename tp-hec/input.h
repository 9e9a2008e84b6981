/*
 * Standard input as lines: large reads into one buffer, lines handed out where
 * they lie.  A line longer than the bound is never held whole: its beginning
 * is kept and the rest is counted.
 */
#ifndef TP_HEC_INPUT_H
#define TP_HEC_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input_line {
	char *text; /* without its newline; the caller may change it;
		       INPUT_PADDING bytes behind it are readable.  Valid
		       until the next call */
	size_t len_bytes;
	uint64_t true_bytes; /* more than len_bytes: only the beginning is
				here */
	int is_unterminated; /* the last line, without its newline */
};

enum { INPUT_PADDING = 64 };

struct input;

/* `fd` stays the caller's.  Lines of up to `most_line_bytes` are kept whole. */
struct input *input_new(int fd, size_t most_line_bytes);
void input_free(struct input *input);

/*
 * One read(2), which blocks when nothing is there.  1: bytes came; 0: end of
 * input; -1: errno says why (EAGAIN: nothing there).
 */
int input_read(struct input *input);

/* Whether input_read() has seen the end. */
int input_is_ended(const struct input *input);

/* Whether bytes were read that input_next() has not given, such as the
   beginning of a line. */
int input_has_rest(const struct input *input);

/* The next whole line (after the end, also the unterminated rest): 1, or 0. */
int input_next(struct input *input, struct input_line *line);

#endif
