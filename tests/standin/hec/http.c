/*
 * HTTP/1.1 on one connection.
 */
#include "http.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>

#include "../say.h"
#include "patience.h"

enum {
	BUFFER_BYTES = 64 * 1024,
	IO_TIMEOUT_MS = 60000,
	SKIP_BYTES_MAX = 64 * 1024 * 1024,
	SKIP_MS_MAX = 5000,
};

struct http {
	struct transport *transport;
	size_t start; /* buffer[start..end) is read and not yet used */
	size_t end;
	char head[BUFFER_BYTES]; /* the request that is being served */
	char buffer[BUFFER_BYTES];
};

struct http *
http_new(struct transport *transport)
{
	struct http *http = malloc(sizeof *http);

	if (http == NULL)
		die(EX_OSERR, "memory: a connection refused");
	http->transport = transport;
	http->start = http->end = 0;
	return http;
}

void
http_free(struct http *http)
{
	free(http);
}

static bool
fill(struct http *http)
{
	ssize_t n;

	if (http->start > 0) {
		memmove(http->buffer, http->buffer + http->start,
		    http->end - http->start);
		http->end -= http->start;
		http->start = 0;
	}
	if (http->end == sizeof http->buffer)
		return false;
	n = transport_read(http->transport, http->buffer + http->end,
	    sizeof http->buffer - http->end);
	if (n <= 0)
		return false;
	http->end += (size_t)n;
	return true;
}

/* Moves one head, ended by an empty line, from the buffer to http->head. */
static enum http_outcome
read_head(struct http *http)
{
	const char *blank;
	size_t len;

	for (;;) {
		while (http->end - http->start >= 2 &&
		       memcmp(http->buffer + http->start, "\r\n", 2) == 0)
			http->start += 2; /* RFC 9112, 2.2: stray line ends */
		blank = memmem(http->buffer + http->start,
		    http->end - http->start, "\r\n\r\n", 4);
		if (blank != NULL)
			break;
		if (http->end - http->start == sizeof http->buffer)
			return HTTP_BAD;
		if (!fill(http))
			return HTTP_CLOSED;
	}
	len = (size_t)(blank - (http->buffer + http->start)) + 2;
	memcpy(http->head, http->buffer + http->start, len);
	http->head[len] = '\0';
	http->start += len + 2;
	return strlen(http->head) == len ? HTTP_REQUEST : HTTP_BAD;
}

static bool
parse_request_line(char *line, struct http_request *request)
{
	char *path = strchr(line, ' ');
	char *version = path ? strchr(path + 1, ' ') : NULL;
	char *query;

	if (version == NULL)
		return false;
	*path++ = '\0';
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 &&
	    strcmp(version, "HTTP/1.0") != 0)
		return false;
	query = strchr(path, '?');
	if (query != NULL)
		*query++ = '\0';
	request->method = line;
	request->path = path;
	request->query = query ? query : "";
	request->keep_alive = version[7] == '1';
	return *path == '/';
}

static bool
parse_header(char *line, struct http_request *request)
{
	char *value = strchr(line, ':');
	char *end;

	if (value == NULL || value == line ||
	    request->header_count == HTTP_HEADERS_MAX)
		return false;
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	request->headers[request->header_count].name = line;
	request->headers[request->header_count].value = value;
	request->header_count++;
	return true;
}

static bool
understand_headers(struct http_request *request)
{
	const char *connection = http_header(request, "Connection");
	const char *coding = http_header(request, "Transfer-Encoding");
	const char *length = http_header(request, "Content-Length");
	const char *expect = http_header(request, "Expect");
	char *end;

	if (connection != NULL && strcasecmp(connection, "close") == 0)
		request->keep_alive = false;
	request->expects_continue =
	    expect != NULL && strcasecmp(expect, "100-continue") == 0;
	if (coding != NULL) {
		request->is_chunked = true;
		return strcasecmp(coding, "chunked") == 0 && length == NULL;
	}
	request->body_ended = true;
	if (length == NULL)
		return true;
	if (!isdigit((unsigned char)*length))
		return false;
	errno = 0;
	request->body_left = strtoull(length, &end, 10);
	request->has_length = true;
	request->body_ended = request->body_left == 0;
	return errno == 0 && *end == '\0';
}

enum http_outcome
http_next(struct http *http, int idle_ms, struct http_request *request)
{
	enum http_outcome outcome;
	char *line, *next;

	*request = (struct http_request){ 0 };
	if (http->start == http->end) {
		http->start = http->end = 0;
		transport_set_timeout_ms(http->transport, idle_ms);
		if (!fill(http))
			return HTTP_CLOSED;
		transport_set_timeout_ms(http->transport, IO_TIMEOUT_MS);
	}
	outcome = read_head(http);
	if (outcome != HTTP_REQUEST)
		return outcome;
	for (line = http->head; *line != '\0'; line = next) {
		next = strstr(line, "\r\n");
		*next = '\0';
		next += 2;
		if (request->method == NULL ? !parse_request_line(line, request)
					    : !parse_header(line, request))
			return HTTP_BAD;
	}
	return understand_headers(request) ? HTTP_REQUEST : HTTP_BAD;
}

const char *
http_header(const struct http_request *request, const char *name)
{
	for (int i = 0; i < request->header_count; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

static char *
decode(const char *text, size_t len)
{
	char *decoded = malloc(len + 1);
	size_t n = 0;

	if (decoded == NULL)
		die(EX_OSERR, "memory: %zu bytes refused", len);
	for (size_t i = 0; i < len; i++) {
		char hex[3] = { 0 };
		if (text[i] == '%' && i + 2 < len &&
		    isxdigit((unsigned char)text[i + 1]) &&
		    isxdigit((unsigned char)text[i + 2])) {
			memcpy(hex, text + i + 1, 2);
			decoded[n++] = (char)strtoul(hex, NULL, 16);
			i += 2;
		} else {
			decoded[n++] = (char)(text[i] == '+' ? ' ' : text[i]);
		}
	}
	decoded[n] = '\0';
	return decoded;
}

char *
http_parameter(const struct http_request *request, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *at = request->query; *at != '\0';) {
		size_t len = strcspn(at, "&");
		if (len > name_len && at[name_len] == '=' &&
		    memcmp(at, name, name_len) == 0)
			return decode(at + name_len + 1, len - name_len - 1);
		at += len + (at[len] == '&');
	}
	return NULL;
}

/* --- bodies -------------------------------------------------------------- */

/* One line of chunked framing, without its CRLF. */
static bool
read_line(struct http *http, char *line, size_t size)
{
	for (;;) {
		char *from = http->buffer + http->start;
		char *end = memmem(from, http->end - http->start, "\r\n", 2);
		if (end != NULL) {
			size_t len = (size_t)(end - from);
			http->start += len + 2;
			if (len >= size)
				return false;
			memcpy(line, from, len);
			line[len] = '\0';
			return true;
		}
		if (!fill(http))
			return false;
	}
}

/* Reads the next chunk's size; after the last one, the trailers too. */
static bool
next_chunk(struct http *http, struct http_request *request)
{
	char line[1024], *end;

	if (request->body_read > 0 &&
	    (!read_line(http, line, sizeof line) || line[0] != '\0'))
		return false; /* the CRLF behind the chunk before */
	if (!read_line(http, line, sizeof line) ||
	    !isxdigit((unsigned char)line[0]))
		return false;
	errno = 0;
	request->body_left = strtoull(line, &end, 16);
	if (errno != 0 || (*end != '\0' && *end != ';' && *end != ' '))
		return false;
	if (request->body_left > 0)
		return true;
	do {
		if (!read_line(http, line, sizeof line))
			return false;
	} while (line[0] != '\0');
	request->body_ended = true;
	return true;
}

static ssize_t
read_some(struct http *http, void *data, size_t len)
{
	size_t ready = http->end - http->start;

	if (ready == 0)
		return transport_read(http->transport, data, len);
	if (ready > len)
		ready = len;
	memcpy(data, http->buffer + http->start, ready);
	http->start += ready;
	return (ssize_t)ready;
}

ssize_t
http_read_body(struct http *http, struct http_request *request, void *data,
    size_t len)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	ssize_t n;

	if (request->expects_continue && !request->body_ended) {
		request->expects_continue = false;
		if (transport_write(http->transport, go_on, sizeof go_on - 1) <
		    0)
			return -1;
	}
	if (request->is_chunked && request->body_left == 0 &&
	    !request->body_ended && !next_chunk(http, request))
		return -1;
	if (request->body_ended)
		return 0;
	if (len > request->body_left)
		len = (size_t)request->body_left;
	n = read_some(http, data, len);
	if (n <= 0)
		return -1;
	request->body_left -= (uint64_t)n;
	request->body_read += (uint64_t)n;
	if (request->body_left == 0 && !request->is_chunked)
		request->body_ended = true;
	return n;
}

bool
http_skip_body(struct http *http, struct http_request *request)
{
	int64_t until_ms = clock_ms() + SKIP_MS_MAX;
	uint64_t most = request->body_read + SKIP_BYTES_MAX;
	char scrap[16 * 1024];
	ssize_t n;

	if (request->expects_continue && !request->body_ended)
		return false; /* it never comes, so what follows is unclear */
	transport_set_timeout_ms(http->transport, SKIP_MS_MAX);
	do
		n = http_read_body(http, request, scrap, sizeof scrap);
	while (n > 0 && request->body_read < most && clock_ms() < until_ms);
	transport_set_timeout_ms(http->transport, IO_TIMEOUT_MS);
	return n == 0;
}

/* --- answers ------------------------------------------------------------- */

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *words;
	} reasons[] = {
		{ 200, "OK" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 413, "Request Entity Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 429, "Too Many Requests" },
		{ 500, "Internal Server Error" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "Unknown";
}

static int
write_slowly(struct http *http, const struct bytes *message, int64_t rate)
{
	size_t step = rate >= 20 ? (size_t)(rate / 20) : 1;

	for (size_t at = 0; at < message->len; at += step) {
		if (step > message->len - at)
			step = message->len - at;
		if (transport_write(http->transport, message->data + at, step) <
		    0)
			return -1;
		if (!wait_ms((int64_t)step * 1000 / rate))
			return -1;
	}
	return 0;
}

static void
print_head(struct bytes *message, const struct http_answer *answer)
{
	char date[64];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
	bytes_print(message,
	    "HTTP/1.1 %d %s\r\n"
	    "Date: %s\r\n"
	    "Content-Type: %s\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Content-Length: %zu\r\n"
	    "Vary: Authorization\r\n"
	    "Connection: %s\r\n"
	    "X-Frame-Options: SAMEORIGIN\r\n"
	    "Server: Splunkd\r\n",
	    answer->status, reason(answer->status), date, answer->type,
	    answer->body_len, answer->closes ? "Close" : "Keep-Alive");
	bytes_append(message, answer->headers.data, answer->headers.len);
	bytes_append(message, "\r\n", 2);
}

int
http_write_answer(struct http *http, const struct http_answer *answer)
{
	struct bytes message = { 0 };
	int failed;

	print_head(&message, answer);
	if (!answer->without_body)
		bytes_append(&message, answer->body, answer->body_sent);
	failed = answer->rate > 0 ? write_slowly(http, &message, answer->rate)
				  : transport_write(http->transport,
					message.data, message.len);
	bytes_free(&message);
	return failed;
}
