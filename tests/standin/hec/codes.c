/*
 * HEC's reply codes.
 */
#include "codes.h"

#include <stddef.h>

static const struct {
	int status;
	const char *text;
} codes[HEC_CODE_LAST + 1] = {
	[0] = { 200, "Success" },
	[1] = { 403, "Token disabled" },
	[2] = { 401, "Token is required" },
	[3] = { 401, "Invalid authorization" },
	[4] = { 403, "Invalid token" },
	[5] = { 400, "No data" },
	[6] = { 400, "Invalid data format" },
	[7] = { 400, "Incorrect index" },
	[8] = { 500, "Internal server error" },
	[9] = { 503, "Server is busy" },
	[10] = { 400, "Data channel is missing" },
	[11] = { 400, "Invalid data channel" },
	[12] = { 400, "Event field is required" },
	[13] = { 400, "Event field cannot be blank" },
	[14] = { 400, "ACK is disabled" },
	[15] = { 400, "Error in handling indexed fields" },
	[16] = { 400, "Query string authorization is not enabled" },
	[17] = { 200, "HEC is healthy" },
	[18] = { 503, "HEC is unhealthy, queues are full" },
	[19] = { 503, "HEC is unhealthy, ack service unavailable" },
	[20] = { 503,
	    "HEC is unhealthy, queues are full, ack service unavailable" },
	[21] = { 400, "Invalid token" },
	[22] = { 400, "Token disabled" },
	[23] = { 503, "Server is shutting down" },
	[24] = { 200, "HEC queue is approaching its capacity limit" },
	[25] = { 200, "HEC ACK channel is approaching its capacity limit" },
	[26] = { 429, "HEC queue is at capacity" },
	[27] = { 429, "HEC ACK channel is at capacity" },
	[28] = { 400, "Data channel is missing. If a load balancer is used, "
		      "enable sticky sessions on it" },
};

static bool
is_known(int code)
{
	return code >= 0 && code <= HEC_CODE_LAST;
}

int
code_status(int code)
{
	return is_known(code) ? codes[code].status : 500;
}

const char *
code_text(int code)
{
	return is_known(code) ? codes[code].text : "";
}

bool
code_accepts(int code)
{
	return code == HEC_SUCCESS || code == HEC_QUEUE_FILLING ||
	       code == HEC_ACK_FILLING;
}
