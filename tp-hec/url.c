/* Addresses of receivers, by libcurl's URL parser. */
#include "tp-hec/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/message.h"

static CURLU *
parse(const char *text)
{
	CURLU *url = curl_url();

	if (url == NULL)
		die(EXIT_OS, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
		return url;
	curl_url_cleanup(url);
	return NULL;
}

/* A part's text, or NULL; curl_free() it. */
static char *
part(CURLU *url, CURLUPart which)
{
	char *text = NULL;

	return curl_url_get(url, which, &text, 0) == CURLUE_OK ? text : NULL;
}

static int
has_part(CURLU *url, CURLUPart which)
{
	char *text = part(url, which);

	curl_free(text);
	return text != NULL;
}

static int
has_token(CURLU *url)
{
	char *query = part(url, CURLUPART_QUERY);
	int found = query != NULL && (strncmp(query, "token=", 6) == 0 ||
					 strstr(query, "&token=") != NULL);

	curl_free(query);
	return found;
}

static const char *
find_fault(CURLU *url)
{
	char *scheme = part(url, CURLUPART_SCHEME);
	int is_http = scheme != NULL && (strcmp(scheme, "https") == 0 ||
					    strcmp(scheme, "http") == 0);

	curl_free(scheme);
	if (!is_http)
		return "neither https:// nor http://";
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return "no place for a password: everyone can read a command "
		       "line";
	if (has_token(url))
		return "no place for a token: everyone can read a command "
		       "line; use --token-file and --token-in-query";
	return NULL;
}

static void
add_parameter(CURLU *url, const char *name, const char *value)
{
	struct buffer pair = { 0 };

	if (value == NULL)
		return;
	buffer_printf(&pair, "%s=%s", name, value);
	curl_url_set(url, CURLUPART_QUERY, buffer_text(&pair),
	    CURLU_APPENDQUERY | CURLU_URLENCODE);
	buffer_free(&pair);
}

/* Whether the user left the path to us; then it is set. */
static int
complete_path(CURLU *url, const char *path)
{
	char *given = part(url, CURLUPART_PATH);
	int is_bare = given == NULL || strcmp(given, "/") == 0;

	curl_free(given);
	if (is_bare)
		curl_url_set(url, CURLUPART_PATH, path, 0);
	return is_bare;
}

char *
url_complete(const char *text, const char *path,
    const struct url_metadata *metadata, const char *default_sourcetype,
    const char **why)
{
	CURLU *url = parse(text);
	char *result = NULL;

	*why = url == NULL ? "not a URL such as https://host:8088"
			   : find_fault(url);
	if (*why != NULL)
		goto out;
	int is_bare = complete_path(url, path);
	if (metadata != NULL) {
		add_parameter(url, "host", metadata->host);
		add_parameter(url, "source", metadata->source);
		add_parameter(url, "sourcetype",
		    metadata->sourcetype || !is_bare ? metadata->sourcetype
						     : default_sourcetype);
		add_parameter(url, "index", metadata->index);
	}
	curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
	char *whole = part(url, CURLUPART_URL);
	result = whole != NULL ? strdup(whole) : NULL;
	curl_free(whole);
	if (result == NULL)
		die(EXIT_OS, "out of memory");
out:
	curl_url_cleanup(url);
	return result;
}

/* The path's part up to the collector, whatever a proxy has put before it. */
static int
base_bytes(const char *path)
{
	static const char collector[] = "/services/collector";
	const char *found = strstr(path, collector);
	size_t len_bytes = found != NULL
			       ? (size_t)(found - path) + sizeof(collector) - 1
			       : strlen(path);

	while (len_bytes > 0 && path[len_bytes - 1] == '/')
		len_bytes--;
	return (int)len_bytes;
}

char *
url_ack(const char *text, const char *channel)
{
	CURLU *url = parse(text);
	char *path = url ? part(url, CURLUPART_PATH) : NULL;
	struct buffer ack_path = { 0 };

	if (path == NULL)
		die(EXIT_SOFTWARE, "%s: not a URL any more", text);
	buffer_printf(&ack_path, "%.*s/ack", base_bytes(path), path);
	curl_url_set(url, CURLUPART_PATH, buffer_text(&ack_path), 0);
	curl_url_set(url, CURLUPART_QUERY, NULL, 0);
	add_parameter(url, "channel", channel);
	char *whole = part(url, CURLUPART_URL);
	char *result = whole != NULL ? strdup(whole) : NULL;
	if (result == NULL)
		die(EXIT_OS, "out of memory");
	curl_free(whole);
	curl_free(path);
	buffer_free(&ack_path);
	curl_url_cleanup(url);
	return result;
}

void
url_name(const char *url, char *name, size_t name_bytes)
{
	snprintf(name, name_bytes, "%.*s", (int)strcspn(url, "?#"), url);
}

int
url_is_loopback(const char *text)
{
	CURLU *url = parse(text);
	char *host = url ? part(url, CURLUPART_HOST) : NULL;
	int is_loopback = host != NULL && (strcmp(host, "localhost") == 0 ||
					      strcmp(host, "[::1]") == 0 ||
					      strncmp(host, "127.", 4) == 0);

	curl_free(host);
	curl_url_cleanup(url);
	return is_loopback;
}
