/* Times as text and as nanoseconds. */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int
parse_fraction(const char **text, int64_t *time_ns)
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
parse_offset(const char *text, int64_t *time_ns)
{
	int hours, minutes, used = 0;
	int sign = *text == '-' ? -1 : 1;

	if (!strcmp(text, "Z"))
		return 0;
	if ((*text != '+' && *text != '-') ||
	    sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
	    used != 5 || text[6])
		return -1;
	*time_ns -= sign * (hours * INT64_C(3600) + minutes * 60) * NS_PER_S;
	return 0;
}

int
clock_parse(const char *text, int64_t *time_ns)
{
	struct tm parts = { 0 };
	int used = 0;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year,
		&parts.tm_mon, &parts.tm_mday, &parts.tm_hour, &parts.tm_min,
		&parts.tm_sec, &used) != 6 ||
	    used != 19)
		return -1;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	/* What a nanosecond count cannot hold (such as Go's zero time, year 1)
	 * is no time for an event. */
	if (parts.tm_year < -200 || parts.tm_year > 300)
		return -1;
	*time_ns = timegm(&parts) * NS_PER_S;
	text += used;
	return parse_fraction(&text, time_ns) ? -1
					      : parse_offset(text, time_ns);
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
