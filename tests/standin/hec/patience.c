/*
 * Time, and waiting that a stop cuts short.
 */
#include "patience.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static bool is_over;

int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
wait_ms(int64_t ms)
{
	struct timespec until;
	bool waited;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	while (!is_over && pthread_cond_clockwait(&ended, &lock,
			       CLOCK_MONOTONIC, &until) == 0)
		;
	waited = !is_over;
	pthread_mutex_unlock(&lock);
	return waited;
}

void
patience_end(void)
{
	pthread_mutex_lock(&lock);
	is_over = true;
	pthread_cond_broadcast(&ended);
	pthread_mutex_unlock(&lock);
}

bool
patience_is_over(void)
{
	bool over;

	pthread_mutex_lock(&lock);
	over = is_over;
	pthread_mutex_unlock(&lock);
	return over;
}
