/*
 * HEC's reply codes: the troubleshooting table of Splunk 10.4, with the HTTP
 * status and words that go with each.
 */
#ifndef STANDIN_HEC_CODES_H
#define STANDIN_HEC_CODES_H

#include <stdbool.h>

enum hec_code {
	HEC_SUCCESS = 0,
	HEC_TOKEN_DISABLED = 1,
	HEC_TOKEN_REQUIRED = 2,
	HEC_INVALID_AUTHORIZATION = 3,
	HEC_INVALID_TOKEN = 4,
	HEC_NO_DATA = 5,
	HEC_INVALID_FORMAT = 6,
	HEC_INCORRECT_INDEX = 7,
	HEC_BUSY = 9,
	HEC_CHANNEL_MISSING = 10,
	HEC_CHANNEL_INVALID = 11,
	HEC_EVENT_REQUIRED = 12,
	HEC_EVENT_BLANK = 13,
	HEC_ACK_DISABLED = 14,
	HEC_BAD_FIELDS = 15,
	HEC_QUERY_TOKEN_DISABLED = 16,
	HEC_HEALTHY = 17,
	HEC_QUEUE_FILLING = 24,
	HEC_ACK_FILLING = 25,
	HEC_CHANNEL_MISSING_STICKY = 28,
	HEC_CODE_LAST = 28,
};

int code_status(int code);       /* 500 for a code that is not in the table */
const char *code_text(int code); /* "" likewise */

/* Does a reply with status 200 and this code say "all accepted"? */
bool code_accepts(int code);

#endif
