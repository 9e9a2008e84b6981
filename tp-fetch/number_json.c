/*
 * A double as its shortest decimal: digits x 10^exponent, found by the first
 * of four ways that applies, from the most common to the rarest.
 *
 * "Shortest" is the fewest digits that read back as the same double, and among
 * those the nearest to it.  The first three ways are exact arithmetic; the last
 * asks the C library and checks its answer.  None depends on the locale.
 */
#include "tp-fetch/number_json.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 uint128;

struct decimal {
	uint64_t digits; /* at most 17 of them; the last is not 0 */
	int exponent;
};

enum { EXACT_POWERS = 23 }; /* 10^22 is the last that is a double */

static const double power_of_ten[EXACT_POWERS] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5,
	1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
	1e18, 1e19, 1e20, 1e21, 1e22 };

static const double two_to_53 = 9007199254740992.0;

/*
 * A decimal n / 10^k below 10^15 x 10^-k.  Numerator and power are doubles, so
 * one division is rounded as reading the text would be: equal means that it
 * reads back.  What reads back as `number` is within 2^-53 of it, relatively,
 * and so is the product: below 10^15 that is within 0.23 of n, hence n is the
 * only candidate of its length, and the first k is the shortest.
 */
static int
few_digits(double number, struct decimal *decimal)
{
	for (int k = 1; k < EXACT_POWERS; k++) {
		double scaled = number * power_of_ten[k];
		if (scaled >= 1e15)
			return 0;
		int64_t n = (int64_t)(scaled + 0.5);
		if ((double)n / power_of_ten[k] == number) {
			*decimal = (struct decimal){ (uint64_t)n, -k };
			return 1;
		}
	}
	return 0;
}

/* `value` / (2 x `half`) to the nearest, ties to even. */
static uint64_t
divide_rounded(uint128 value, uint128 half)
{
	uint64_t quotient = (uint64_t)(value / (2 * half));
	uint128 rest = value % (2 * half);

	return quotient + (rest > half || (rest == half && quotient % 2 == 1));
}

/*
 * A fraction from 1e-6 that few_digits() has refused, so it takes 16 or 17.
 * It is m / 2^s; with k such that number x 10^k has 17 digits before the point
 * (k <= 22), m x 10^k fits 128 bits, and all is exact.  The doubles next to it
 * are 10^k away on that scale, on both sides alike: where they are not, at
 * powers of two, few_digits() has done it (2^-19 has 14 digits).
 */
static struct decimal
many_digits(double number)
{
	int binary_exponent;
	double fraction = frexp(number, &binary_exponent);
	uint64_t m = (uint64_t)(fraction * two_to_53);
	int s = 53 - binary_exponent;
	int k = 1;

	while (k + 1 < EXACT_POWERS && number * power_of_ten[k] < 1e16)
		k++;
	uint128 ten_to_k = (uint128)power_of_ten[k];
	uint128 scaled = m * ten_to_k;
	uint128 half = (uint128)1 << (s - 1);
	uint64_t sixteen = divide_rounded(scaled, 10 * half);
	uint128 read = (uint128)sixteen * 10 << s;
	uint128 off = 2 * (read > scaled ? read - scaled : scaled - read);

	if (off < ten_to_k || (off == ten_to_k && m % 2 == 0))
		return (struct decimal){ sixteen, 1 - k };
	return (struct decimal){ divide_rounded(scaled, half), -k };
}

/* The nearest decimal of `precision` digits. */
static struct decimal
rounded_by_libc(double number, int precision)
{
	struct decimal decimal = { 0 };
	char text[NUMBER_JSON_BYTES];
	char *at = text;

	snprintf(text, sizeof(text), "%.*e", precision - 1, number);
	for (; *at != 'e'; at++)
		if (*at >= '0' && *at <= '9') /* not the locale's point */
			decimal.digits =
			    decimal.digits * 10 + (uint64_t)(*at - '0');
	decimal.exponent = (int)strtol(at + 1, NULL, 10) - (precision - 1);
	return decimal;
}

static int
reads_back(struct decimal decimal, double number)
{
	char text[NUMBER_JSON_BYTES];

	snprintf(text, sizeof(text), "%llue%d",
	    (unsigned long long)decimal.digits, decimal.exponent);
	return strtod(text, NULL) == number;
}

/*
 * Rounds to `precision` digits and tells whether they suffice.  A power of two
 * has its lower neighbour nearer than its upper one, so the nearest decimal may
 * fail below it while the next one up reads back.
 */
static int
suffices(int precision, double number, struct decimal *decimal)
{
	int unused;
	int is_power_of_two = frexp(number, &unused) == 0.5;

	*decimal = rounded_by_libc(number, precision);
	if (reads_back(*decimal, number))
		return 1;
	decimal->digits++;
	return is_power_of_two && reads_back(*decimal, number);
}

/*
 * Any double.  Fewer than 15 digits come out of 15 as trailing zeros, except
 * for subnormals, which hold fewer.  17 suffice for all.
 */
static struct decimal
shortest_by_libc(double number)
{
	int is_subnormal = fpclassify(number) == FP_SUBNORMAL;
	int precision = is_subnormal ? 1 : 15;
	struct decimal decimal;

	while (!suffices(precision, number, &decimal) && precision < 17)
		precision++;
	while (decimal.digits % 10 == 0) {
		decimal.digits /= 10;
		decimal.exponent++;
	}
	return decimal;
}

static struct decimal
shortest(double number)
{
	struct decimal decimal;

	if (number < two_to_53 && few_digits(number, &decimal))
		return decimal;
	if (number >= 1e-6 && number < two_to_53)
		return many_digits(number);
	return shortest_by_libc(number);
}

/* Writes `value` in decimal; returns how many digits it took. */
static int
print_integer(uint64_t value, char *text)
{
	char reversed[20];
	int len = 0;

	do {
		reversed[len++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	for (int i = 0; i < len; i++)
		text[i] = reversed[len - 1 - i];
	return len;
}

/* d.ddde+x, where `point` is how many digits stand before the point in fixed
 * notation; returns the end. */
static char *
print_scientific(char *text, const char *digits, int len, int point)
{
	int exponent = point - 1;

	*text++ = digits[0];
	if (len > 1) {
		*text++ = '.';
		text = mempcpy(text, digits + 1, (size_t)(len - 1));
	}
	*text++ = 'e';
	*text++ = exponent < 0 ? '-' : '+';
	return text + print_integer((uint64_t)abs(exponent), text);
}

/* Fixed notation, likewise. */
static char *
print_fixed(char *text, const char *digits, int len, int point)
{
	if (point >= len) {
		text = mempcpy(text, digits, (size_t)len);
		memset(text, '0', (size_t)(point - len));
		return text + (point - len);
	}
	if (point > 0) {
		text = mempcpy(text, digits, (size_t)point);
		*text++ = '.';
		return mempcpy(text, digits + point, (size_t)(len - point));
	}
	*text++ = '0';
	*text++ = '.';
	memset(text, '0', (size_t)-point);
	return mempcpy(text - point, digits, (size_t)len);
}

size_t
number_json(double number, char text[NUMBER_JSON_BYTES])
{
	char *at = text;
	char digits[20];

	if (signbit(number)) {
		*at++ = '-';
		number = -number;
	}
	if (number < two_to_53 && (double)(uint64_t)number == number)
		return (size_t)(at - text) +
		       (size_t)print_integer((uint64_t)number, at);

	struct decimal decimal = shortest(number);
	int len = print_integer(decimal.digits, digits);
	int point = len + decimal.exponent;
	at = number >= 1e-6 && number < 1e21
		 ? print_fixed(at, digits, len, point)
		 : print_scientific(at, digits, len, point);
	return (size_t)(at - text);
}
