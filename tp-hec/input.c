/* Lines out of large reads. */
#include "tp-hec/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/message.h"

enum { READ_BYTES = 128 * 1024, KEEP_BYTES = 8 * READ_BYTES };

struct input {
	int fd;
	size_t most_line_bytes;
	struct buffer buffer;
	size_t start;       /* where the next line begins */
	size_t searched;    /* no newline between start and here */
	uint64_t cut_bytes; /* of the line at `start`: counted and dropped */
	int is_ended;
};

struct input *
input_new(int fd, size_t most_line_bytes)
{
	struct input *input = calloc(1, sizeof(*input));

	if (input == NULL)
		die(EXIT_OS, "out of memory");
	input->fd = fd;
	input->most_line_bytes = most_line_bytes;
	return input;
}

void
input_free(struct input *input)
{
	if (input == NULL)
		return;
	buffer_free(&input->buffer);
	free(input);
}

/* Moves what is left to the front; gives back the room of a giant line. */
static void
compact(struct input *input)
{
	buffer_consume(&input->buffer, input->start);
	input->searched -= input->start;
	input->start = 0;
	if (input->buffer.len_bytes == 0 &&
	    input->buffer.capacity_bytes > KEEP_BYTES)
		buffer_free(&input->buffer);
}

int
input_read(struct input *input)
{
	if (input->start > 0)
		compact(input);
	char *room = buffer_reserve(&input->buffer, READ_BYTES + INPUT_PADDING);
	ssize_t n;
	do
		n = read(input->fd, room, READ_BYTES);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		input->buffer.len_bytes += (size_t)n;
	else if (n == 0)
		input->is_ended = 1;
	return n > 0 ? 1 : (int)n;
}

int
input_is_ended(const struct input *input)
{
	return input->is_ended;
}

int
input_has_rest(const struct input *input)
{
	return input->buffer.len_bytes > input->start;
}

/* Counts and drops what an endless line has beyond the bound. */
static void
cut_long_line(struct input *input)
{
	size_t bound = input->start + input->most_line_bytes;

	if (input->buffer.len_bytes <= bound)
		return;
	input->cut_bytes += input->buffer.len_bytes - bound;
	input->buffer.len_bytes = input->searched = bound;
}

static void
take_line(struct input *input, size_t end, struct input_line *line)
{
	size_t held_bytes = end - input->start;
	size_t kept_bytes = held_bytes < input->most_line_bytes
				? held_bytes
				: input->most_line_bytes;

	*line = (struct input_line){ .text = input->buffer.data + input->start,
		.len_bytes = kept_bytes,
		.true_bytes = held_bytes + input->cut_bytes };
	input->cut_bytes = 0;
}

int
input_next(struct input *input, struct input_line *line)
{
	struct buffer *buffer = &input->buffer;
	size_t left = buffer->len_bytes - input->searched;
	char *newline =
	    left ? memchr(buffer->data + input->searched, '\n', left) : NULL;

	if (newline != NULL) {
		size_t end = (size_t)(newline - buffer->data);
		take_line(input, end, line);
		input->start = input->searched = end + 1;
		return 1;
	}
	input->searched = buffer->len_bytes;
	cut_long_line(input);
	if (!input->is_ended || buffer->len_bytes == input->start)
		return 0;
	take_line(input, buffer->len_bytes, line);
	line->is_unterminated = 1;
	input->start = input->searched = buffer->len_bytes;
	return 1;
}
