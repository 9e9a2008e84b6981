/* A lasting trouble, said once and then at growing intervals. */
#include "lib/notice.h"

enum { FIRST_INTERVAL_MS = 60 * 1000, LONGEST_INTERVAL_MS = 3600 * 1000 };

int
notice_is_due(struct notice *notice, uint64_t key, int64_t now_ms)
{
	if (notice->key != key) {
		int64_t since_ms = notice->key ? notice->since_ms : now_ms;
		*notice = (struct notice){ .key = key,
			.since_ms = since_ms,
			.due_ms = now_ms + FIRST_INTERVAL_MS,
			.interval_ms = FIRST_INTERVAL_MS };
		return 1;
	}
	if (now_ms < notice->due_ms)
		return 0;
	if (notice->interval_ms < LONGEST_INTERVAL_MS / 2)
		notice->interval_ms *= 2;
	else
		notice->interval_ms = LONGEST_INTERVAL_MS;
	notice->due_ms = now_ms + notice->interval_ms;
	return 1;
}

int
notice_clear(struct notice *notice)
{
	int was_said = notice->key != 0;

	*notice = (struct notice){ 0 };
	return was_said;
}
