/* Times as text and as nanoseconds. */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* So many digits and then `after`, which '\0' stands for anything. */
static int
take_digits(const char **text, int count, char after, int *value)
{
	*value = 0;
	for (; count > 0; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		*value = *value * 10 + (**text - '0');
	}
	if (!after)
		return 0;
	return *(*text)++ == after ? 0 : -1;
}

static int
take_fraction(const char **text, int64_t *time_ns)
{
	int64_t unit = NS_PER_S;

	if (**text != '.')
		return 0;
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
		unit /= 10;
		*time_ns += (**text - '0') * unit;
	}
	return unit == NS_PER_S ? -1 : 0;
}

static int
take_offset(const char *text, int64_t *time_ns)
{
	int hours, minutes;
	int sign = *text == '-' ? 1 : -1;

	if (strcmp(text, "Z") == 0)
		return 0;
	if (*text != '+' && *text != '-')
		return -1;
	text++;
	if (take_digits(&text, 2, ':', &hours) ||
	    take_digits(&text, 2, '\0', &minutes) || *text)
		return -1;
	*time_ns += sign * INT64_C(60) * (hours * 60 + minutes) * NS_PER_S;
	return 0;
}

int
clock_parse(const char *text, int64_t *time_ns)
{
	struct tm parts = { 0 };

	if (take_digits(&text, 4, '-', &parts.tm_year) ||
	    take_digits(&text, 2, '-', &parts.tm_mon) ||
	    take_digits(&text, 2, 'T', &parts.tm_mday) ||
	    take_digits(&text, 2, ':', &parts.tm_hour) ||
	    take_digits(&text, 2, ':', &parts.tm_min) ||
	    take_digits(&text, 2, '\0', &parts.tm_sec))
		return -1;
	/* What a nanosecond count cannot hold (such as Go's zero time, year 1)
	 * is no time for an event. */
	if (parts.tm_year < 1700 || parts.tm_year > 2200)
		return -1;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	*time_ns = timegm(&parts) * NS_PER_S;
	return take_fraction(&text, time_ns) ? -1 : take_offset(text, time_ns);
}

void
clock_print(char text[CLOCK_TEXT_SIZE], int64_t time_ns)
{
	int64_t ms = time_ns / NS_PER_MS;
	time_t seconds;
	struct tm parts;
	size_t used;

	if (time_ns % NS_PER_MS < 0)
		ms--;
	seconds = ms / 1000 - (ms % 1000 < 0);
	gmtime_r(&seconds, &parts);
	used = strftime(text, CLOCK_TEXT_SIZE, "%FT%T", &parts);
	snprintf(text + used, CLOCK_TEXT_SIZE - used, ".%03dZ",
	    (int)(ms - (int64_t)seconds * 1000));
}

static int64_t
read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t
clock_now_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
