/* An identity file taken apart, line by line. */
#include "tp-fetch/identity_text.h"

#include <string.h>

struct line {
	const char *start;
	size_t len_bytes;
};

static int
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Takes one line off [*next, end), trimmed; 0 when it is too long. */
static int
next_line(const char **next, const char *end, struct line *line)
{
	size_t rest_bytes = (size_t)(end - *next);
	const char *newline = memchr(*next, '\n', rest_bytes);
	const char *stop = newline != NULL ? newline : end;

	*line = (struct line){ *next, (size_t)(stop - *next) };
	*next = newline != NULL ? newline + 1 : end;
	if (line->len_bytes > IDENTITY_TEXT_MAX_LINE_BYTES)
		return 0;
	while (line->len_bytes > 0 && is_blank(line->start[0])) {
		line->start++;
		line->len_bytes--;
	}
	while (
	    line->len_bytes > 0 && is_blank(line->start[line->len_bytes - 1]))
		line->len_bytes--;
	return 1;
}

static int
starts_with(const struct line *line, const char *words)
{
	size_t len_bytes = strlen(words);

	return line->len_bytes >= len_bytes &&
	       memcmp(line->start, words, len_bytes) == 0;
}

const char *
identity_text_split(const char *bytes, size_t len_bytes,
    struct identity_text *text)
{
	struct buffer *const roles[] = { &text->key, &text->certificate,
		&text->authorities };
	const char *next = bytes;
	const char *end = bytes + len_bytes;
	size_t role = 0;
	int is_inside = 0;
	struct line line;

	*text = (struct identity_text){ 0 };
	/* Room for all at once: growing would leave copies of the key behind.
	 */
	buffer_reserve(&text->key, len_bytes + 2);
	while (next < end) {
		if (!next_line(&next, end, &line))
			return "a line is longer than 64 KiB";
		if (!is_inside && starts_with(&line, "-----BEGIN"))
			is_inside = 1;
		if (!is_inside)
			continue;
		buffer_append(roles[role], line.start, line.len_bytes);
		buffer_append_byte(roles[role], '\n');
		if (starts_with(&line, "-----END")) {
			is_inside = 0;
			role += role < 2;
		}
	}
	return is_inside ? "a PEM block has no END line" : NULL;
}

void
identity_text_free(struct identity_text *text)
{
	if (text->key.data != NULL)
		explicit_bzero(text->key.data, text->key.capacity_bytes);
	buffer_free(&text->key);
	buffer_free(&text->certificate);
	buffer_free(&text->authorities);
}
