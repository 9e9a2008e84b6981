/* random.h -- numbers that look random and are a function of a seed.
 *
 * SplitMix64: one multiply-and-shift mix per number, good enough for test
 * data, the same on every machine. */
#ifndef STANDIN_AUTH_RANDOM_H
#define STANDIN_AUTH_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

/* A bijection of the 64-bit numbers that spreads every bit over all. */
static inline uint64_t
random_mix(uint64_t value)
{
	value ^= value >> 30;
	value *= UINT64_C(0xbf58476d1ce4e5b9);
	value ^= value >> 27;
	value *= UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static inline uint64_t
random_next(struct random *random)
{
	random->state += UINT64_C(0x9e3779b97f4a7c15);
	return random_mix(random->state);
}

/* 0 .. bound - 1; bound must not be 0. */
static inline uint64_t
random_below(struct random *random, uint64_t bound)
{
	return random_next(random) % bound;
}

#endif
