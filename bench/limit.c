/*
 * The limit to compare the prober with: the same exchange (connect, 64-byte request, 64-byte proof, reset)
 * in C with one epoll loop, and a far end that answers it. HMAC-SHA256 by precomputed states, as fast as
 * OpenSSL goes. Layout of the messages: shared/proof.ts. `echo` is UDP that sends back whatever comes, for
 * scanners that know no proof.
 *
 *   limit listen tcp|udp|echo ADDRESS FIRST LAST KEY_HEX
 *   limit probe tcp|udp ADDRESS FIRST LAST KEY_HEX EPOCH COUNT CONCURRENCY
 */
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, BODY = 48, MAC = 16, EVENTS = 256 };
static SHA256_CTX inner, outer;

static void die(const char *what) { perror(what); exit(1); }

static void set_key(const char *hex) {
  unsigned char key[64] = {0}, pad[64];
  for (int i = 0; i < 32; i++) sscanf(hex + 2 * i, "%2hhx", &key[i]);
  for (int i = 0; i < 64; i++) pad[i] = key[i] ^ 0x36;
  SHA256_Init(&inner); SHA256_Update(&inner, pad, 64);
  for (int i = 0; i < 64; i++) pad[i] = key[i] ^ 0x5c;
  SHA256_Init(&outer); SHA256_Update(&outer, pad, 64);
}

static void mac(const unsigned char *body, unsigned char *out) {
  unsigned char digest[32];
  SHA256_CTX c = inner;
  SHA256_Update(&c, body, BODY); SHA256_Final(digest, &c);
  c = outer;
  SHA256_Update(&c, digest, 32); SHA256_Final(digest, &c);
  memcpy(out, digest, MAC);
}

static int valid(const unsigned char *m, char kind) {
  unsigned char expected[MAC];
  if (m[0] != 'P' || m[1] != 'M' || m[2] != kind) return 0;
  mac(m, expected);
  return memcmp(expected, m + BODY, MAC) == 0;
}

static void answer(unsigned char *m, int port, const struct sockaddr_in *from) {
  m[2] = 'a';
  m[16] = 0; m[17] = 1; /* node 1 */
  m[18] = port >> 8; m[19] = port;
  memcpy(m + 20, &from->sin_port, 2);
  memset(m + 22, 0, BODY - 22);
  m[34] = m[35] = 0xff;
  memcpy(m + 36, &from->sin_addr, 4);
  mac(m, m + BODY);
}

static struct sockaddr_in at(const char *address, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &a.sin_addr);
  return a;
}

static void watch(int epoll, int fd, uint32_t events, uint64_t data) {
  struct epoll_event e = {.events = events, .data.u64 = data};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0) die("epoll_ctl");
}

static void serve(int udp, int echo, const char *address, int first, int last) {
  int epoll = epoll_create1(0), one = 1, buffer = 4 << 20;
  for (int port = first; port <= last; port++) {
    struct sockaddr_in a = at(address, port);
    int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (udp) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (bind(fd, (void *)&a, sizeof a) < 0) die("bind");
    if (!udp && listen(fd, 1024) < 0) die("listen");
    watch(epoll, fd, EPOLLIN, (uint64_t)port << 32 | (udp ? 0 : 1ull << 31) | fd);
  }
  puts("ready"); fflush(stdout);
  struct epoll_event events[EVENTS];
  unsigned char m[2048];
  for (;;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.u64 & 0x7fffffff, port = events[i].data.u64 >> 32;
      int listening = events[i].data.u64 >> 31 & 1;
      struct sockaddr_in from; socklen_t size = sizeof from;
      if (listening) {
        int client;
        while ((client = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          watch(epoll, client, EPOLLIN, (uint64_t)port << 32 | client);
        }
      } else if (echo) {
        ssize_t got;
        while ((got = recvfrom(fd, m, sizeof m, 0, (void *)&from, &size)) >= 0) sendto(fd, m, got, 0, (void *)&from, size);
      } else if (udp) {
        while (recvfrom(fd, m, sizeof m, 0, (void *)&from, &size) == MESSAGE)
          if (valid(m, 'q')) { answer(m, port, &from); sendto(fd, m, MESSAGE, 0, (void *)&from, size); }
      } else {
        ssize_t got = read(fd, m, sizeof m);
        if (got == MESSAGE && valid(m, 'q')) {
          getpeername(fd, (void *)&from, &size);
          answer(m, port, &from);
          if (write(fd, m, MESSAGE) != MESSAGE) close(fd);
        } else if (got <= 0) close(fd);
      }
    }
  }
}

static int range_first, range_last, next_port;
static uint32_t epoch;
static uint64_t nonce = 1;

static int request(unsigned char *m) {
  int port = next_port;
  next_port = next_port == range_last ? range_first : next_port + 1;
  memset(m, 0, MESSAGE);
  memcpy(m, "PMq1", 4);
  uint32_t e = htonl(epoch); memcpy(m + 4, &e, 4);
  memcpy(m + 8, &nonce, 8); nonce++;
  m[19] = 1; m[20] = port >> 8; m[21] = port;
  mac(m, m + BODY);
  return port;
}

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static void report(long done, long failed, double seconds) {
  struct rusage u; getrusage(RUSAGE_SELF, &u);
  double cpu = u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
  printf("{\"probes\":%ld,\"failed\":%ld,\"seconds\":%.6f,\"cpu\":%.6f}\n", done, failed, seconds, cpu);
}

static void probe_tcp(const char *address, long count, int concurrency) {
  int epoll = epoll_create1(0), one = 1;
  struct linger abort_close = {1, 0};
  struct epoll_event events[EVENTS];
  long launched = 0, done = 0, failed = 0;
  unsigned char m[MESSAGE];
  double start = now();
  while (done < count) {
    while (launched < count && launched - done < concurrency) {
      int port = next_port;
      next_port = next_port == range_last ? range_first : next_port + 1;
      struct sockaddr_in a = at(address, port);
      int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_close, sizeof abort_close);
      if (connect(fd, (void *)&a, sizeof a) < 0 && errno != EINPROGRESS) die("connect");
      watch(epoll, fd, EPOLLOUT | EPOLLONESHOT, (uint64_t)port << 32 | fd);
      launched++;
    }
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.u64 & 0x7fffffff;
      if (events[i].events & EPOLLOUT && !(events[i].events & EPOLLERR)) {
        int keep = next_port; next_port = events[i].data.u64 >> 32;
        request(m); next_port = keep;
        if (write(fd, m, MESSAGE) == MESSAGE) {
          struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = fd};
          epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e);
          continue;
        }
        failed++;
      } else if (read(fd, m, MESSAGE) != MESSAGE || !valid(m, 'a')) failed++;
      close(fd); done++;
    }
  }
  report(done, failed, now() - start);
}

static void probe_udp(const char *address, long count, int concurrency) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  long launched = 0, done = 0, failed = 0;
  unsigned char m[MESSAGE];
  struct timeval patience = {.tv_sec = 2};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience); /* a lost answer is a failure, not a hang */
  double start = now();
  while (done < count) {
    while (launched < count && launched - done < concurrency) {
      int port = request(m);
      struct sockaddr_in a = at(address, port);
      if (sendto(fd, m, MESSAGE, 0, (void *)&a, sizeof a) != MESSAGE) die("sendto");
      launched++;
    }
    if (recv(fd, m, MESSAGE, 0) != MESSAGE || !valid(m, 'a')) failed++;
    done++;
  }
  report(done, failed, now() - start);
}

int main(int argc, char **argv) {
  if (argc < 7) { fprintf(stderr, "see the head of limit.c\n"); return 2; }
  int echo = strcmp(argv[2], "echo") == 0, udp = echo || strcmp(argv[2], "udp") == 0;
  range_first = next_port = atoi(argv[4]); range_last = atoi(argv[5]);
  set_key(argv[6]);
  if (strcmp(argv[1], "listen") == 0) serve(udp, echo, argv[3], range_first, range_last);
  epoch = strtoul(argv[7], NULL, 10);
  (udp ? probe_udp : probe_tcp)(argv[3], atol(argv[8]), atoi(argv[9]));
  return 0;
}
