/* Words of a command line to values. */
#include "lib/parse.h"

#include <stdlib.h>
#include <string.h>

/* Digits from *text on; moves *text behind them. */
static int
take_digits(const char **text, int64_t *number)
{
	const char *next = *text;
	int64_t value = 0;

	if (*next < '0' || *next > '9')
		return -1;
	for (; *next >= '0' && *next <= '9'; next++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *next - '0', &value))
			return -1;
	*text = next;
	*number = value;
	return 0;
}

static int
in_range(int64_t value, int64_t least, int64_t most, int64_t *result)
{
	if (value < least || value > most)
		return -1;
	*result = value;
	return 0;
}

int
parse_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
	int64_t value;

	if (take_digits(&text, &value) == -1 || *text != '\0')
		return -1;
	return in_range(value, least, most, number);
}

struct unit {
	const char *name;
	int64_t factor;
};

/* Longer names first where one begins another. */
static const struct unit size_units[] = { { "", 1 }, { "k", 1000 },
	{ "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { "Ki", 1 << 10 },
	{ "Mi", 1 << 20 }, { "Gi", 1 << 30 } };
static const struct unit duration_units[] = { { "ms", 1 }, { "s", 1000 },
	{ "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };

int
parse_size(const char *text, int64_t least, int64_t most, int64_t *bytes)
{
	int64_t value;

	if (take_digits(&text, &value) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(size_units) / sizeof(*size_units); i++)
		if (strcmp(text, size_units[i].name) == 0)
			return __builtin_mul_overflow(value,
				   size_units[i].factor, &value)
				   ? -1
				   : in_range(value, least, most, bytes);
	return -1;
}

static int
take_duration_part(const char **text, int64_t *ms)
{
	const size_t count = sizeof(duration_units) / sizeof(*duration_units);
	int64_t value;

	if (take_digits(text, &value) == -1)
		return -1;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(duration_units[i].name);
		if (strncmp(*text, duration_units[i].name, len) != 0)
			continue;
		*text += len;
		if (__builtin_mul_overflow(value, duration_units[i].factor,
			&value) ||
		    __builtin_add_overflow(*ms, value, ms))
			return -1;
		return 0;
	}
	return -1;
}

int
parse_duration(const char *text, int64_t least_ms, int64_t most_ms, int64_t *ms)
{
	int64_t total = 0;

	if (parse_number(text, 0, INT64_MAX / 1000, &total) == 0)
		return in_range(total * 1000, least_ms, most_ms, ms);
	total = 0;
	do {
		if (take_duration_part(&text, &total) == -1)
			return -1;
	} while (*text != '\0');
	return in_range(total, least_ms, most_ms, ms);
}

static int
copy_part(const char *from, size_t len, char *to, size_t size)
{
	if (len == 0 || len >= size)
		return -1;
	memcpy(to, from, len);
	to[len] = '\0';
	return 0;
}

int
parse_address(const char *text, const char *default_port, char host[256],
    char port[6])
{
	const char *end = text + strlen(text);
	const char *colon = strrchr(text, ':');
	int64_t number;

	if (*text == '[') {
		const char *bracket = strchr(text, ']');
		if (bracket == NULL ||
		    (bracket[1] != '\0' && bracket[1] != ':'))
			return -1;
		colon = bracket[1] == ':' ? bracket + 1 : NULL;
		end = bracket;
		text++;
	} else if (colon != NULL) {
		if (memchr(text, ':', (size_t)(colon - text)) != NULL)
			return -1; /* a bare IPv6 address is ambiguous */
		end = colon;
	}
	const char *port_text = colon != NULL ? colon + 1 : default_port;
	if (strpbrk(text, " \t\r\n\"'/?#@\\") != NULL)
		return -1; /* a URL, most likely */
	if (copy_part(text, (size_t)(end - text), host, 256) == -1 ||
	    parse_number(port_text, 1, 65535, &number) == -1)
		return -1;
	return copy_part(port_text, strlen(port_text), port, 6);
}
