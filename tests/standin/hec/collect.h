/*
 * Taking events: /services/collector/event and …/raw.
 */
#ifndef STANDIN_HEC_COLLECT_H
#define STANDIN_HEC_COLLECT_H

#include "exchange.h"

/* Serves one POST, faults and all. */
void collect(struct exchange *exchange, enum fault_path path);

/*
 * The channel of a request to a token with acknowledgement, or the code to
 * answer with.
 */
int
collect_channel(const struct exchange *exchange, char guid[CHANNEL_LEN + 1]);

#endif
