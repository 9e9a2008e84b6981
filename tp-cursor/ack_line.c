/* One acknowledgement line. */
#include "tp-cursor/ack_line.h"

#include <string.h>

struct span {
	const char *next;
	const char *end;
};

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct span *span)
{
	while (span->next < span->end && is_blank(*span->next))
		span->next++;
}

/* The next word; empty at the end. */
static struct span
take_word(struct span *span)
{
	skip_blanks(span);
	struct span word = { span->next, span->next };
	while (word.end < span->end && !is_blank(*word.end))
		word.end++;
	span->next = word.end;
	return word;
}

static int
is_word(struct span word, const char *text)
{
	size_t len = (size_t)(word.end - word.next);

	return len == strlen(text) && memcmp(word.next, text, len) == 0;
}

static int
read_number(struct span word, int64_t *number)
{
	int64_t value = 0;

	if (word.next == word.end)
		return -1;
	for (; word.next < word.end; word.next++) {
		if (*word.next < '0' || *word.next > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *word.next - '0', &value))
			return -1;
	}
	*number = value;
	return 0;
}

static int
read_uid(struct span word, char uid[UID_MAX_BYTES + 1])
{
	size_t len = (size_t)(word.end - word.next);

	if (!uid_is_plain(word.next, len))
		return -1;
	memcpy(uid, word.next, len);
	uid[len] = '\0';
	return 0;
}

/* The line without the blanks around it and one CR at its end. */
static struct span
trim(const char *bytes, size_t len_bytes)
{
	struct span line = { bytes, bytes + len_bytes };

	if (line.next < line.end && line.end[-1] == '\r')
		line.end--;
	skip_blanks(&line);
	while (line.next < line.end && is_blank(line.end[-1]))
		line.end--;
	return line;
}

/* What follows the keyword, or the bare number, into `ack`. */
static int
read_rest(struct span rest, struct ack_line *ack)
{
	if (read_number(take_word(&rest), &ack->line) == -1)
		return -1;
	skip_blanks(&rest);
	if (ack->kind == ACK_STOP) {
		ack->text = rest.next;
		ack->text_len_bytes = (size_t)(rest.end - rest.next);
		return 0;
	}
	return rest.next == rest.end ? 0 : -1;
}

struct ack_line
ack_line_parse(const char *bytes, size_t len_bytes)
{
	const struct ack_line bad = { .kind = ACK_BAD };
	struct ack_line ack = bad;

	if (len_bytes > ACK_LINE_MAX_BYTES)
		return bad;
	struct span line = trim(bytes, len_bytes);
	if (line.next == line.end || *line.next == '#') {
		ack.kind = ACK_COMMENT;
		return ack;
	}
	struct span rest = line;
	struct span keyword = take_word(&rest);
	if (is_word(keyword, "ack")) {
		ack.kind = ACK_UP_TO;
		struct span number = take_word(&rest);
		struct span uid = take_word(&rest);
		if (uid.next < uid.end && read_uid(uid, ack.uid) == -1)
			return bad;
		skip_blanks(&rest);
		return rest.next == rest.end &&
			       read_number(number, &ack.line) == 0
			   ? ack
			   : bad;
	}
	if (is_word(keyword, "end"))
		ack.kind = ACK_END;
	else if (is_word(keyword, "stop"))
		ack.kind = ACK_STOP;
	else {
		ack.kind = ACK_UP_TO;
		rest = line;
	}
	return read_rest(rest, &ack) == 0 ? ack : bad;
}
