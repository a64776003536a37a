/* One handshake with wolfSSL as its defaults have it: wolfssl_client HOST [NAME] */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int count, char **arguments)
{
    struct addrinfo *where = NULL;
    int stream;
    WOLFSSL_CTX *context;
    WOLFSSL *ssl;

    if (strcmp(arguments[1], "--version") == 0) {
        puts(LIBWOLFSSL_VERSION_STRING);
        return 0;
    }
    if (getaddrinfo(arguments[1], "443", NULL, &where) != 0)
        return 2;
    stream = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(stream, where->ai_addr, where->ai_addrlen) != 0)
        return 2;
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfSSLv23_client_method());
    wolfSSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    ssl = wolfSSL_new(context);
    if (count > 2)
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, arguments[2], (unsigned short)strlen(arguments[2]));
    wolfSSL_set_fd(ssl, stream);
    return wolfSSL_connect(ssl) != SSL_SUCCESS;
}
