/*
 * HEC tokens.
 */
#include "tokens.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "../say.h"
#include "codes.h"

static void
set_option(struct token *token, const char *option)
{
	if (strcmp(option, "ack") == 0) {
		token->uses_ack = true;
	} else if (strcmp(option, "disabled") == 0) {
		token->is_disabled = true;
	} else if (strcmp(option, "query") == 0) {
		token->allows_query = true;
	} else if (strncmp(option, "index=", 6) == 0 &&
		   token->index_count < TOKEN_INDEXES_MAX) {
		token->indexes[token->index_count++] = strdup(option + 6);
	} else {
		die(EX_USAGE,
		    "--token: ack, disabled, query or index=NAME "
		    "(16 at most), not %s",
		    option);
	}
}

void
tokens_add(struct token **tokens, const char *spec)
{
	struct token *token = calloc(1, sizeof *token);
	char *copy = strdup(spec);
	char *rest = copy;

	if (token == NULL || copy == NULL)
		die(EX_OSERR, "memory: a token refused");
	token->value = strdup(strsep(&rest, ","));
	while (rest != NULL)
		set_option(token, strsep(&rest, ","));
	token->next = *tokens;
	*tokens = token;
	free(copy);
}

void
tokens_free(struct token *tokens)
{
	while (tokens != NULL) {
		struct token *next = tokens->next;
		for (int i = 0; i < tokens->index_count; i++)
			free(tokens->indexes[i]);
		free(tokens->value);
		free(tokens);
		tokens = next;
	}
}

bool
tokens_use_ack(const struct token *tokens)
{
	for (; tokens != NULL; tokens = tokens->next)
		if (tokens->uses_ack)
			return true;
	return false;
}

static int
find(const struct token *tokens, const char *value, const struct token **found)
{
	for (; tokens != NULL; tokens = tokens->next) {
		if (strcmp(tokens->value, value) != 0)
			continue;
		*found = tokens;
		return tokens->is_disabled ? HEC_TOKEN_DISABLED : HEC_SUCCESS;
	}
	return HEC_INVALID_TOKEN;
}

static int
check_query(const struct token *tokens, const char *value,
    const struct token **found)
{
	int code = find(tokens, value, found);

	if (code == HEC_SUCCESS && !(*found)->allows_query)
		return HEC_QUERY_TOKEN_DISABLED;
	return code;
}

/* "user:password" in base64; the password is the token. */
static int
check_basic(const struct token *tokens, const char *encoded,
    const struct token **found)
{
	unsigned char plain[1024];
	size_t len = strlen(encoded);
	const char *password;
	int n;

	if (len == 0 || len % 4 != 0 || len / 4 * 3 >= sizeof plain)
		return HEC_INVALID_AUTHORIZATION;
	n = EVP_DecodeBlock(plain, (const unsigned char *)encoded, (int)len);
	if (n < 0)
		return HEC_INVALID_AUTHORIZATION;
	plain[n] = '\0'; /* padding decodes to NULs, so the string is right */
	password = strchr((char *)plain, ':');
	if (password == NULL)
		return HEC_INVALID_AUTHORIZATION;
	return find(tokens, password + 1, found);
}

int
tokens_check(const struct token *tokens, const struct http_request *request,
    const struct token **found)
{
	const char *header = http_header(request, "Authorization");
	char *query = http_parameter(request, "token");
	int code;

	*found = NULL;
	if (query != NULL) {
		code = check_query(tokens, query, found);
		free(query);
		return code;
	}
	if (header == NULL)
		return HEC_TOKEN_REQUIRED;
	if (strncasecmp(header, "Splunk ", 7) == 0)
		return find(tokens, header + 7, found);
	if (strncasecmp(header, "Basic ", 6) == 0)
		return check_basic(tokens, header + 6, found);
	return HEC_INVALID_AUTHORIZATION;
}

bool
token_allows_index(const struct token *token, const char *index)
{
	if (token->index_count == 0)
		return true;
	for (int i = 0; i < token->index_count; i++)
		if (strcmp(token->indexes[i], index) == 0)
			return true;
	return false;
}
