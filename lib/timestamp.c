/* RFC 3339 times. */
#include "lib/timestamp.h"

#include <stdio.h>
#include <time.h>

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
	/* Years begin in March, so that the leap day is the last one. */
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
			     year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static int
is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* `count` digits at `text` as a number, or -1. */
static int
digits(const char *text, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static int
parse_date(const char *text, int64_t *days)
{
	int year = digits(text, 4);
	int month = digits(text + 5, 2);
	int day = digits(text + 8, 2);

	if (year < 0 || text[4] != '-' || text[7] != '-' || month < 1 ||
	    month > 12 || day < 1 || day > days_in_month(year, month))
		return -1;
	*days = days_from_civil(year, month, day);
	return 0;
}

static int
parse_clock(const char *text, int64_t *seconds)
{
	int hour = digits(text, 2);
	int minute = digits(text + 3, 2);
	int second = digits(text + 6, 2);

	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
	    second > 60 || text[2] != ':' || text[5] != ':')
		return -1;
	*seconds = (int64_t)hour * 3600 + minute * 60 + second;
	return 0;
}

/* The fraction from `text` on, if any; moves *text behind it. */
static int
parse_fraction(const char **text, const char *end, int32_t *nanos)
{
	const char *next = *text;
	int32_t scale = 100000000;

	*nanos = 0;
	if (next == end || *next != '.')
		return 0;
	if (++next == end || *next < '0' || *next > '9')
		return -1;
	for (; next < end && *next >= '0' && *next <= '9'; next++) {
		*nanos += (*next - '0') * scale;
		scale /= 10;
	}
	*text = next;
	return 0;
}

static int
parse_offset(const char *text, const char *end, int64_t *seconds)
{
	*seconds = 0;
	if (end - text == 1 && (*text == 'Z' || *text == 'z'))
		return 0;
	if (end - text != 6 || (*text != '+' && *text != '-') || text[3] != ':')
		return -1;
	int hours = digits(text + 1, 2);
	int minutes = digits(text + 4, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return -1;
	*seconds = (int64_t)hours * 3600 + minutes * 60;
	if (*text == '-')
		*seconds = -*seconds;
	return 0;
}

int
timestamp_parse(const char *text, size_t len_bytes, struct timestamp *time)
{
	const char *end = text + len_bytes;
	int64_t days;
	int64_t clock;
	int64_t offset;

	if (len_bytes < 20 || parse_date(text, &days) == -1 ||
	    (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
	    parse_clock(text + 11, &clock) == -1)
		return -1;
	text += 19;
	if (parse_fraction(&text, end, &time->nanos) == -1 ||
	    parse_offset(text, end, &offset) == -1)
		return -1;
	time->seconds = days * 86400 + clock - offset;
	return 0;
}

char *
timestamp_format(struct timestamp time, char text[TIMESTAMP_BYTES])
{
	time_t seconds = (time_t)time.seconds;
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL || parts.tm_year > 8099 ||
	    parts.tm_year < -1900) {
		snprintf(text, TIMESTAMP_BYTES, "%s",
		    time.seconds < 0 ? "0000-01-01T00:00:00Z"
				     : "9999-12-31T23:59:59Z");
		return text;
	}
	/* strftime's %Y would leave the zeros of the year 0001 out. */
	size_t len = (size_t)snprintf(text, TIMESTAMP_BYTES, "%04d",
	    parts.tm_year + 1900);
	len += strftime(text + len, TIMESTAMP_BYTES - len, "-%m-%dT%H:%M:%S",
	    &parts);
	if (time.nanos > 0) {
		len += (size_t)snprintf(text + len, TIMESTAMP_BYTES - len,
		    ".%09d", (int)time.nanos);
		while (text[len - 1] == '0')
			len--;
	}
	text[len++] = 'Z';
	text[len] = '\0';
	return text;
}

int
timestamp_compare(struct timestamp a, struct timestamp b)
{
	if (a.seconds != b.seconds)
		return a.seconds < b.seconds ? -1 : 1;
	return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}

struct timestamp
timestamp_add_ms(struct timestamp time, int64_t ms)
{
	int64_t nanos = time.nanos + ms % 1000 * 1000000;
	int64_t seconds = ms / 1000 + (nanos < 0 ? -1 : nanos / 1000000000);

	if (__builtin_add_overflow(time.seconds, seconds, &time.seconds))
		time.seconds = ms < 0 ? INT64_MIN : INT64_MAX;
	time.nanos = (int32_t)((nanos + 1000000000) % 1000000000);
	return time;
}

struct timestamp
timestamp_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (struct timestamp){ now.tv_sec, (int32_t)now.tv_nsec };
}
