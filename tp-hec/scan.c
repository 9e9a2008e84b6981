/*
 * A validating scanner for one JSON object.
 *
 * Audit events are strings for the most part, so what costs is finding where a
 * string ends: that looks at a block of bytes at once.  The rest is one loop
 * over values with a stack of closing brackets in place of recursion.
 *
 * Bytes behind the line may be looked at but are never believed: each step
 * reads less than SCAN_PADDING beyond where it began, and begins inside.
 */
#include "tp-hec/scan.h"

#include <string.h>

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#else
#include <endian.h>
#endif

struct scanner {
	const char *begin;
	const char *end;
	const struct scan_names *names;
	struct scan_result *result;
	enum scan_status status;
	const char *block;        /* the last BLOCK_BYTES that were looked at */
	uint64_t special;         /* which of them are not plain text */
	struct scan_slice *value; /* of the top-level member in hand, if asked
				     for */
	size_t depth;             /* open objects and arrays */
	char *closers;            /* what closes each of them */
	char closer;              /* and the innermost */
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

enum { BLOCK_BYTES = 64 };

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)

enum { STEP_BYTES = 16 };

/* A bit for each of STEP_BYTES bytes that is a quote, a backslash, a control
   character or not ASCII; the last two are one comparison, for bytes are signed
   here. */
static inline uint64_t
special_in_step(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	__m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));

	return (uint64_t)_mm_movemask_epi8(
	    _mm_or_si128(_mm_or_si128(quote, escape), other));
}

#else

enum { STEP_BYTES = 8 };

/* The same with plain integers: the high bit of each byte says what is so, and
   a multiplication gathers them.  Nothing carries from byte to byte. */
static inline uint64_t
special_in_step(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t high = ones * 0x80;
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	bytes = le64toh(bytes);
	uint64_t low = bytes & ~high;
	uint64_t no_quote = (low ^ ones * '"') + ~high;
	uint64_t no_escape = (low ^ ones * '\\') + ~high;
	uint64_t no_control = low + ones * (0x80 - 0x20);
	uint64_t special = bytes | ~(no_quote & no_escape & no_control);
	return ((special & high) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

#endif

static inline uint64_t
special_in_block(const char *at)
{
	uint64_t special = 0;

	for (size_t i = 0; i < BLOCK_BYTES; i += STEP_BYTES)
		special |= special_in_step(at + i) << i;
	return special;
}

/* The first byte from `at` on that is not plain text; the end, or a byte behind
   it, when there is none.  A block holds several strings, as a rule: what was
   seen of it beyond this one is kept for the next. */
static inline const char *
skip_plain(struct scanner *s, const char *at)
{
	for (;;) {
		size_t offset = (size_t)(at - s->block);
		if (offset < BLOCK_BYTES) {
			uint64_t rest = s->special >> offset;
			if (rest != 0)
				return at + __builtin_ctzll(rest);
			at = s->block + BLOCK_BYTES;
		}
		if (at >= s->end)
			return at;
		s->block = at;
		s->special = special_in_block(at);
	}
}

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
	at = skip_plain(s, at + 1);
	while (*at != '"') {
		if (at >= s->end)
			return fail(s, s->end, SCAN_NOT_JSON);
		if ((at = skip_special(s, at)) == NULL)
			return NULL;
		at = skip_plain(s, at);
	}
	return at + 1;
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

static inline const char *
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
	if (s->depth == SCAN_MAX_DEPTH)
		return fail(s, at, SCAN_TOO_DEEP);
	s->closer = *at == '{' ? '}' : ']';
	s->closers[s->depth++] = s->closer;
	return skip_blanks(s, at + 1);
}

static inline void
close_level(struct scanner *s)
{
	if (--s->depth > 0)
		s->closer = s->closers[s->depth - 1];
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
	char closers[SCAN_MAX_DEPTH];
	struct scanner s = { .begin = line,
		.end = line + len_bytes,
		.block = line,
		.special = special_in_block(line),
		.names = names,
		.result = result,
		.closers = closers };
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
