/*
 * A validating scanner for one JSON object.
 *
 * Audit events are strings for the most part, so what costs is finding where a
 * string ends: that looks at a block of bytes at a time.  The rest is one loop
 * over values with a stack of bits, object or array, in place of recursion.
 *
 * Bytes behind the line may be looked at but are never believed: each step
 * reads less than SCAN_PADDING beyond where it began, and begins inside.
 */
#include "tp-hec/scan.h"

#include <string.h>

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#endif

struct scanner {
	const char *begin;
	const char *end;
	const struct scan_names *names;
	struct scan_result *result;
	enum scan_status status;
	struct scan_slice *value; /* of the top-level member in hand, if asked
				     for */
	size_t depth;             /* open objects and arrays */
	char closer;              /* of the innermost */
	uint64_t is_object[SCAN_MAX_DEPTH / 64]; /* a bit for each */
};

size_t
scan_names_add(struct scan_names *names, const char *name)
{
	size_t len_bytes = strlen(name);
	size_t i = 0;

	while (i < names->count && strcmp(names->name[i], name) != 0)
		i++;
	if (i == names->count && i < SCAN_MAX_MEMBERS) {
		names->name[i] = name;
		names->len_bytes[i] = len_bytes;
		names->lengths |= UINT64_C(1) << len_bytes % 64;
		names->count++;
	}
	return i;
}

/* Every failure ends here; NULL is what all of skip_*() then return. */
static const char *
fail(struct scanner *s, const char *at, enum scan_status status)
{
	s->status = status;
	s->result->bad_offset =
	    (size_t)((at < s->end ? at : s->end) - s->begin);
	return NULL;
}

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)

enum { BLOCK_BYTES = 32 };

/* A bit for each of 16 bytes that is a quote, a backslash, a control character
   or not ASCII; the last two are one comparison, for bytes are signed here. */
static inline unsigned
special_bytes(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	__m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));

	return (unsigned)_mm_movemask_epi8(
	    _mm_or_si128(_mm_or_si128(quote, escape), other));
}

/* How many bytes from `at` on are plain text; BLOCK_BYTES are looked at. */
static inline size_t
plain_bytes(const char *at)
{
	unsigned special = special_bytes(at) | special_bytes(at + 16) << 16;

	return special == 0 ? BLOCK_BYTES : (size_t)__builtin_ctz(special);
}

#else

enum { BLOCK_BYTES = 8 };

static inline int
is_special(unsigned char byte)
{
	return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

/* How many bytes from `at` on are plain text; BLOCK_BYTES are looked at, at
   first all at once: (x - 1) & ~x has the high bit of each byte that is 0. */
static inline size_t
plain_bytes(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = ones * 0x80;
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	uint64_t quote = bytes ^ (ones * '"');
	uint64_t escape = bytes ^ (ones * '\\');
	uint64_t special = bytes | (bytes - ones * 0x20) |
			   ((quote - ones) & ~quote) |
			   ((escape - ones) & ~escape);
	if ((special & high) == 0)
		return BLOCK_BYTES;

	size_t plain = 0;
	while (plain < BLOCK_BYTES && !is_special((unsigned char)at[plain]))
		plain++;
	return plain;
}

#endif

static inline int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
is_hex_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* From the backslash on. */
static const char *
skip_escape(struct scanner *s, const char *at)
{
	size_t left = (size_t)(s->end - at);

	if (left < 2)
		return fail(s, at, SCAN_NOT_JSON);
	if (at[1] != 'u') {
		if (at[1] == '\0' || strchr("\"\\/bfnrt", at[1]) == NULL)
			return fail(s, at, SCAN_NOT_JSON);
		return at + 2;
	}
	if (left < 6)
		return fail(s, at, SCAN_NOT_JSON);
	for (int i = 2; i < 6; i++)
		if (!is_hex_digit(at[i]))
			return fail(s, at, SCAN_NOT_JSON);
	return at + 6;
}

/* The bytes of one character beyond ASCII (RFC 3629: shortest form, no
   surrogates, up to U+10FFFF), or 0. */
static size_t
utf8_bytes(const unsigned char *at, size_t left)
{
	unsigned char least = 0x80; /* bounds of the second byte */
	unsigned char most = 0xbf;
	size_t len_bytes;

	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		len_bytes = 2;
	else if (at[0] >= 0xe0 && at[0] <= 0xef)
		len_bytes = 3;
	else if (at[0] >= 0xf0 && at[0] <= 0xf4)
		len_bytes = 4;
	else
		return 0;
	switch (at[0]) {
	case 0xe0:
		least = 0xa0;
		break;
	case 0xed:
		most = 0x9f;
		break;
	case 0xf0:
		least = 0x90;
		break;
	case 0xf4:
		most = 0x8f;
		break;
	}
	if (len_bytes > left || at[1] < least || at[1] > most)
		return 0;
	for (size_t i = 2; i < len_bytes; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len_bytes;
}

static const char *
skip_utf8(struct scanner *s, const char *at)
{
	const unsigned char *bytes = (const unsigned char *)at;

	/* Text that is not ASCII seldom comes as a single character. */
	while (at < s->end && *bytes >= 0x80) {
		size_t len_bytes = utf8_bytes(bytes, (size_t)(s->end - at));
		if (len_bytes == 0)
			return fail(s, at, SCAN_NOT_UTF8);
		at += len_bytes;
		bytes += len_bytes;
	}
	return at;
}

/* What is not plain text within a string, and does not end it either. */
static const char *
skip_special(struct scanner *s, const char *at)
{
	if (*at == '\\')
		return skip_escape(s, at);
	if ((unsigned char)*at >= 0x80)
		return skip_utf8(s, at);
	return fail(s, at, SCAN_NOT_JSON);
}

/* From the opening quote to behind the closing one, which may be one that the
   padding has: the caller finds itself behind the end then. */
static inline const char *
skip_string(struct scanner *s, const char *at)
{
	at++;
	while (at < s->end) {
		size_t plain = plain_bytes(at);
		at += plain;
		if (plain == BLOCK_BYTES)
			continue;
		if (*at == '"')
			return at + 1;
		if (at >= s->end || (at = skip_special(s, at)) == NULL)
			break;
	}
	return at == NULL ? NULL : fail(s, s->end, SCAN_NOT_JSON);
}

/* One digit or more. */
static inline const char *
skip_digits(struct scanner *s, const char *at)
{
	if (at >= s->end || !is_digit(*at))
		return fail(s, at, SCAN_NOT_JSON);
	do
		at++;
	while (at < s->end && is_digit(*at));
	return at;
}

static const char *
skip_number(struct scanner *s, const char *at)
{
	if (*at == '-')
		at++;
	if (*at == '0')
		at++; /* and no digit may follow */
	else if ((at = skip_digits(s, at)) == NULL)
		return NULL;
	if (*at == '.' && (at = skip_digits(s, at + 1)) == NULL)
		return NULL;
	if (*at == 'e' || *at == 'E') {
		at++;
		if (*at == '+' || *at == '-')
			at++;
		at = skip_digits(s, at);
	}
	return at;
}

static const char *
skip_word(struct scanner *s, const char *at, const char *word, size_t len_bytes)
{
	if (memcmp(at, word, len_bytes) != 0)
		return fail(s, at, SCAN_NOT_JSON);
	return at + len_bytes;
}

static inline const char *
skip_blanks(const struct scanner *s, const char *at)
{
	while (at < s->end &&
	       (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

static inline const char *
skip_scalar(struct scanner *s, const char *at)
{
	switch (*at) {
	case '"':
		return skip_string(s, at);
	case 't':
		return skip_word(s, at, "true", 4);
	case 'f':
		return skip_word(s, at, "false", 5);
	case 'n':
		return skip_word(s, at, "null", 4);
	default:
		return skip_number(s, at);
	}
}

/* Where the value of the key between the quotes goes, or NULL. */
static inline struct scan_slice *
wanted(const struct scanner *s, const char *key, size_t len_bytes)
{
	const struct scan_names *names = s->names;

	if ((names->lengths >> len_bytes % 64 & 1) == 0)
		return NULL;
	for (size_t i = 0; i < names->count; i++)
		if (names->len_bytes[i] == len_bytes &&
		    memcmp(names->name[i], key, len_bytes) == 0)
			return &s->result->value[i];
	return NULL;
}

/* A key, its colon and the blanks, up to the value. */
static inline const char *
skip_key(struct scanner *s, const char *at)
{
	const char *key = at + 1;

	if (*at != '"')
		return fail(s, at, SCAN_NOT_JSON);
	if ((at = skip_string(s, at)) == NULL)
		return NULL;
	size_t key_bytes = (size_t)(at - key) - 1;
	at = skip_blanks(s, at);
	if (at >= s->end || *at != ':')
		return fail(s, at, SCAN_NOT_JSON);
	at = skip_blanks(s, at + 1);
	if (s->depth == 1 && (s->value = wanted(s, key, key_bytes)) != NULL)
		s->value->text = at;
	return at;
}

/* From '{' or '[' to what is behind it and its blanks. */
static inline const char *
open_level(struct scanner *s, const char *at)
{
	size_t level = s->depth;
	uint64_t bit = UINT64_C(1) << level % 64;

	if (level == SCAN_MAX_DEPTH)
		return fail(s, at, SCAN_TOO_DEEP);
	if (*at == '{')
		s->is_object[level / 64] |= bit;
	else
		s->is_object[level / 64] &= ~bit;
	s->depth++;
	s->closer = *at == '{' ? '}' : ']';
	return skip_blanks(s, at + 1);
}

static inline void
close_level(struct scanner *s)
{
	size_t level = --s->depth - 1; /* the one that goes on */

	if (s->depth > 0)
		s->closer =
		    s->is_object[level / 64] >> level % 64 & 1 ? '}' : ']';
}

/* Behind a value: whatever it closes, then the comma before the next value,
   and that with its blanks; or the end of the outermost object. */
static inline const char *
skip_behind_value(struct scanner *s, const char *at)
{
	for (;;) {
		if (s->depth == 1 && s->value != NULL)
			s->value->len_bytes = (size_t)(at - s->value->text);
		at = skip_blanks(s, at);
		if (at >= s->end)
			return fail(s, at, SCAN_NOT_JSON);
		if (*at == ',')
			return skip_blanks(s, at + 1);
		if (*at != s->closer)
			return fail(s, at, SCAN_NOT_JSON);
		at++;
		close_level(s);
		if (s->depth == 0)
			return at;
	}
}

/* From '{' to behind its '}'. */
static const char *
skip_object(struct scanner *s, const char *at)
{
	at = open_level(s, at);
	if (at < s->end && *at == '}')
		return at + 1;
	do {
		if (s->closer == '}' && (at = skip_key(s, at)) == NULL)
			return NULL;
		if (at >= s->end)
			return fail(s, at, SCAN_NOT_JSON);
		if (*at == '{' || *at == '[') {
			if ((at = open_level(s, at)) == NULL)
				return NULL;
			if (*at != s->closer)
				continue;
		} else if ((at = skip_scalar(s, at)) == NULL) {
			return NULL;
		}
		if ((at = skip_behind_value(s, at)) == NULL)
			return NULL;
	} while (s->depth > 0);
	return at;
}

enum scan_status
scan_object(const char *line, size_t len_bytes, const struct scan_names *names,
    struct scan_result *result)
{
	struct scanner s = { .begin = line,
		.end = line + len_bytes,
		.names = names,
		.result = result };
	const char *at;

	for (size_t i = 0; i < names->count; i++)
		result->value[i] = (struct scan_slice){ 0 };

	at = skip_blanks(&s, line);
	if (at == s.end || *at != '{')
		fail(&s, at, SCAN_NOT_OBJECT);
	else if ((at = skip_object(&s, at)) != NULL &&
		 skip_blanks(&s, at) != s.end)
		fail(&s, skip_blanks(&s, at), SCAN_NOT_JSON);
	return s.status;
}

const char *
scan_reason(enum scan_status status)
{
	switch (status) {
	case SCAN_OK:
		return "valid";
	case SCAN_NOT_OBJECT:
		return "not a JSON object";
	case SCAN_NOT_JSON:
		return "not valid JSON";
	case SCAN_NOT_UTF8:
		return "not valid UTF-8";
	case SCAN_TOO_DEEP:
		return "nested too deeply";
	}
	return "unknown";
}
