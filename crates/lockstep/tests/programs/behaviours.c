// One program with many behaviours, each a function named by the first argument. Times are virtual seconds since the start.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *program;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec - 1000 + time.tv_nsec / 1e9;
}

static volatile int signals;
static void count_signal(int signal) { signals++; }

static void handle(int signal, int flags) {
  struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};
  sigaction(signal, &action, NULL);
}

static void in_thread(void *(*body)(void *)) {
  pthread_t thread;
  pthread_create(&thread, NULL, body, NULL);
}

static void *sleep_3_s(void *unused) {
  sleep(3);
  printf("thread done %.3f\n", now());
  return NULL;
}

// Time

static void sleeps(void) {
  sleep(5);
  printf("sleep %.9f\n", now());
  usleep(1500);
  printf("usleep %.9f\n", now());
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 2;
  clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
  printf("absolute %.9f\n", now());
}

static void clocks(void) {
  struct timespec real;
  clock_gettime(CLOCK_REALTIME, &real);
  struct timeval day;
  gettimeofday(&day, NULL);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  struct tms ticks;
  printf("%ld.%09ld %ld.%06ld %ld\n", real.tv_sec, real.tv_nsec, day.tv_sec, day.tv_usec, time(NULL));
  printf("%ld.%06ld %ld %ld %ld %ld\n", usage.ru_utime.tv_sec, usage.ru_utime.tv_usec, usage.ru_minflt, usage.ru_nivcsw,
         (long)times(&ticks), clock());
}

static void timeouts(void) {
  struct pollfd entry = {0, POLLIN, 99};
  int result = poll(&entry, 1, 1500);
  printf("poll %d %d %.3f\n", result, entry.revents, now());
  fd_set set;
  FD_ZERO(&set);
  FD_SET(0, &set);
  struct timeval timeout = {0, 500000};
  result = select(1, &set, NULL, NULL, &timeout);
  printf("select %d %d %.3f\n", result, FD_ISSET(0, &set), now());
  struct timespec second = {1, 0};
  result = ppoll(NULL, 0, &second, NULL);
  printf("ppoll %d %.3f\n", result, now());
  FD_SET(0, &set);
  result = pselect(1, &set, NULL, NULL, &second, NULL);
  printf("pselect %d %d %.3f\n", result, FD_ISSET(0, &set), now());
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
  result = epoll_wait(epoll, &event, 1, 250);
  printf("epoll_wait %d %.3f\n", result, now());
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 3;
  pthread_mutex_lock(&mutex);
  result = pthread_cond_timedwait(&condition, &mutex, &until);
  printf("condition %d %.3f\n", result == ETIMEDOUT, now());
}

static void timers(void) {
  handle(SIGALRM, 0);
  alarm(2);
  int left = sleep(10);
  printf("alarm %d %d %.3f\n", left, signals, now());
  struct itimerval interval = {{0, 100000}, {0, 50000}};
  setitimer(ITIMER_REAL, &interval, NULL);
  for (int i = 0; i < 3; i++) {
    pause();
    printf("interval %.3f\n", now());
  }
  struct itimerval off = {0}, before;
  setitimer(ITIMER_REAL, &off, &before);
  printf("off %ld %ld\n", before.it_value.tv_usec, before.it_interval.tv_usec);

  handle(SIGUSR1, 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  struct itimerspec setting = {{0, 300000000}, {1, 0}};
  timer_settime(timer, 0, &setting, NULL);
  for (int i = 0; i < 2; i++) {
    struct timespec ten = {10, 0}, rest;
    nanosleep(&ten, &rest);
    printf("posix %.3f left %ld.%09ld\n", now(), rest.tv_sec, rest.tv_nsec);
  }
  timer_delete(timer);

  int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec quarter = {{0, 250000000}, {1, 0}};
  timerfd_settime(descriptor, 0, &quarter, NULL);
  int epoll = epoll_create1(0);
  struct epoll_event ready = {.events = EPOLLIN};
  epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &ready);
  for (int i = 0; i < 3; i++) {
    int result = epoll_wait(epoll, &ready, 1, 5000);
    unsigned long count = 0;
    read(descriptor, &count, sizeof count);
    printf("timerfd %d %lu %.3f\n", result, count, now());
  }
  close(descriptor);
  int result = epoll_wait(epoll, &ready, 1, 500);
  printf("closed %d %.3f\n", result, now());
}

static void counter(void) {
  unsigned long before = __builtin_ia32_rdtsc();
  sleep(1);
  printf("%lu\n", (unsigned long)__builtin_ia32_rdtsc() - before);
}

static void spin_on_clock(void) {
  while (now() < 1) {
  }
  printf("%.1f\n", now());
}

static void spin_on_yield(void) {
  in_thread(sleep_3_s);
  while (now() < 4) sched_yield();
  printf("%.0f\n", now());
}

static void many_wakeups(void) {
  for (int i = 0; i < 5000; i++) usleep(100);
}

// Chance and ids

static void chance(void) {
  unsigned numbers[2];
  int device = open("/dev/urandom", O_RDONLY);
  read(device, numbers, sizeof numbers);
  printf("%x %x ", numbers[0], numbers[1]);
  FILE *stream = fopen("/dev/random", "r");
  fread(numbers, sizeof *numbers, 2, stream);
  printf("%x %x ", numbers[0], numbers[1]);
  syscall(SYS_getrandom, numbers, sizeof numbers, 0);
  void *heap = malloc(10);
  printf("%x %p %p %p %d %d\n", numbers[0], heap, (void *)&device, (void *)chance, getpid(), gettid());
}

static void *print_tid(void *unused) {
  printf("%d\n", gettid() - getpid());
  return NULL;
}

static void ids(void) {
  in_thread(print_tid);
  usleep(1);
  int child = fork();
  if (child == 0) {
    printf("child %d, parent is %d\n", getpid() - getppid(), getppid() == getpgrp());
    exit(4);
  }
  int status;
  int waited = waitpid(child, &status, 0);
  printf("waited %d %d %d\n", waited == child, WEXITSTATUS(status), waitpid(child, &status, 0));
  printf("kill %d %d\n", kill(getpid(), 0), kill(child, 0));
}

// Processes

static void children(void) {
  for (int i = 0; i < 3; i++) {
    if (fork() == 0) {
      sleep(3 - i);
      exit(i);
    }
  }
  int status;
  while (wait(&status) > 0) printf("%d %.3f\n", WEXITSTATUS(status), now());
}

static void waits_by_id(void) {
  int child = fork();
  if (child == 0) {
    sleep(2);
    exit(5);
  }
  siginfo_t info = {0};
  int result = waitid(P_PID, child, &info, WEXITED | WNOHANG);
  printf("%d %d\n", result, info.si_pid);
  result = waitid(P_ALL, 0, &info, WEXITED);
  printf("%d %d %d %.3f\n", result, info.si_pid == child, info.si_status, now());
}

static void programs(void) {
  pid_t child = vfork();
  if (child == 0) {
    execl(program, program, "many-wakeups", NULL);
    _exit(1);
  }
  waitpid(child, NULL, 0);
  printf("vfork %.3f\n", now());
  fflush(stdout);
  system("sleep 2; echo shell");
  printf("system %.3f\n", now());
  fflush(stdout);
  FILE *pipe = popen("cat", "w");
  fputs("popen\n", pipe);
  pclose(pipe);
}

static void exec_in_thread_body(void) { execl(program, program, "children", NULL); }

static void *exec_body(void *unused) {
  exec_in_thread_body();
  return NULL;
}

static void exec_beside_threads(void) {
  in_thread(sleep_3_s);
  in_thread(sleep_3_s);
  usleep(1000);
  in_thread(exec_body);
  pause();
}

static void exit_beside_threads(void) {
  for (int i = 0; i < 20; i++) in_thread(sleep_3_s);
  usleep(1000);
  exit(7);
}

static void abort_beside_threads(void) {
  for (int i = 0; i < 5; i++) in_thread(sleep_3_s);
  usleep(1000);
  abort();
}

static void leader_exits(void) {
  in_thread(sleep_3_s);
  pthread_exit(NULL);
}

static void *join_main(void *main_thread) {
  pthread_join(*(pthread_t *)main_thread, NULL);
  printf("joined %.3f\n", now());
  return NULL;
}

static void joins_leader(void) {
  static pthread_t self;
  self = pthread_self();
  pthread_t thread;
  pthread_create(&thread, NULL, join_main, &self);
  sleep(1);
  pthread_exit(NULL);
}

static void leaves_children(void) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) sleep(1000);
    sleep(1000);
  }
  printf("gone\n");
}

static void fault(void) { *(volatile int *)8 = 1; }

static void kills(void) {
  int signals_sent[] = {SIGKILL, SIGTERM};
  for (int i = 0; i < 2; i++) {
    int child = fork();
    if (child == 0) sleep(100);
    sleep(1);
    kill(child, signals_sent[i]);
    int status;
    int waited = wait(&status);
    printf("%d %d %.3f\n", waited == child, WTERMSIG(status), now());
  }
  kill(getpid(), SIGTERM);
}

static void kills_its_group(void) {
  int leader = fork();
  if (leader == 0) {
    setpgid(0, 0);
    for (int i = 0; i < 3; i++) {
      if (fork() == 0) sleep(100);
    }
    sleep(1);
    kill(0, SIGKILL);
  }
  int status;
  waitpid(leader, &status, 0);
  printf("%d %.3f\n", WTERMSIG(status), now());
}

static void fork_bomb(void) {
  for (int i = 0; i < 8; i++) fork();
  sleep(1000);
}

// Signals

static void signal_waits(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct timespec two = {2, 0};
  int result = sigtimedwait(&set, NULL, &two);
  printf("%d %.3f\n", result, now());
  int parent = getpid();
  if (fork() == 0) {
    sleep(1);
    kill(parent, SIGUSR1);
    exit(0);
  }
  int signal;
  sigwait(&set, &signal);
  printf("%d %.3f\n", signal == SIGUSR1, now());
}

// A handled signal restarts a read; an ignored one does not shorten a sleep; a handled one does.
static void signal_restarts(void) {
  handle(SIGUSR1, SA_RESTART);
  int parent = getpid();
  if (fork() == 0) {
    for (int i = 0; i < 3; i++) {
      sleep(1);
      kill(parent, i == 1 ? SIGWINCH : SIGUSR1);
    }
    exit(0);
  }
  char byte;
  struct pollfd entry = {0, POLLIN};
  int result = read(0, &byte, 1);
  printf("read %d %d %.3f\n", result, signals, now());
  struct timespec five = {5, 0}, rest;
  result = nanosleep(&five, &rest);
  printf("sleep %d left %ld.%03ld %d %.3f\n", result, rest.tv_sec, rest.tv_nsec / 1000000, signals, now());
}

// A wait after an interrupted one has a deadline of its own.
static void waits_again(void) {
  handle(SIGUSR1, 0);
  int parent = getpid();
  if (fork() == 0) {
    sleep(1);
    kill(parent, SIGUSR1);
    exit(0);
  }
  int epoll = epoll_create1(0);
  struct epoll_event event;
  for (int i = 0; i < 2; i++) {
    int result = epoll_wait(epoll, &event, 1, 5000);
    printf("%d %.3f\n", result, now());
  }
}

static void stops_itself(void) {
  raise(SIGSTOP);
  printf("went on\n");
}

// Files

static void pipes(void) {
  int ends[2];
  pipe(ends);
  if (fork() == 0) {
    close(ends[0]);
    for (int i = 0; i < 3; i++) {
      sleep(1);
      write(ends[1], "x", 1);
    }
    exit(0);
  }
  close(ends[1]);
  char byte;
  while (read(ends[0], &byte, 1) == 1) printf("%c %.3f\n", byte, now());
  printf("end of file\n");
}

static void full_pipe(void) {
  int ends[2];
  pipe(ends);
  if (fork() == 0) {
    close(ends[0]);
    printf("wrote %zd\n", write(ends[1], calloc(1, 300000), 300000));
    exit(0);
  }
  close(ends[1]);
  sleep(1);
  static char buffer[4096];
  int total = 0, count;
  while ((count = read(ends[0], buffer, sizeof buffer)) > 0) total += count;
  printf("%d %.3f\n", total, now());
}

static void big_write(void) {
  char *bytes = malloc(1 << 20);
  memset(bytes, 'x', 1 << 20);
  fprintf(stderr, "%zd", write(1, bytes, 1 << 20));
}

static void file_lock(void) {
  char path[] = "/tmp/lockstep-XXXXXX";
  int file = mkstemp(path);
  flock(file, LOCK_EX);
  if (fork() == 0) {
    int other = open(path, O_RDWR);
    flock(other, LOCK_EX);
    printf("child has it %.3f\n", now());
    exit(0);
  }
  sleep(2);
  unlink(path);
  flock(file, LOCK_UN);
  wait(NULL);
  printf("end %.3f\n", now());
}

static void network(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  bind(listener, (void *)&address, length);
  listen(listener, 5);
  getsockname(listener, (void *)&address, &length);
  if (fork() == 0) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    sleep(1);
    connect(client, (void *)&address, length);
    sleep(1);
    write(client, "hello", 5);
    exit(0);
  }
  int connection = accept(listener, NULL, NULL);
  printf("accepted %.3f\n", now());
  char text[9] = {0};
  read(connection, text, 8);
  printf("%s %.3f\n", text, now());
}

static void shared_semaphore(void) {
  sem_t *semaphore = mmap(NULL, sizeof *semaphore, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  sem_init(semaphore, 1, 0);
  if (fork() == 0) {
    sleep(2);
    sem_post(semaphore);
    exit(0);
  }
  sem_wait(semaphore);
  printf("%.3f\n", now());
}

static void *write_lines(void *name) {
  for (int i = 0; i < 1000; i++) printf("%s %d\n", (char *)name, i);
  return NULL;
}

static void two_writers(void) {
  pthread_t threads[2];
  char *names[] = {"a", "b"};
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, write_lines, names[i]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

// What cannot be, or never ends

static void spin(void) {
  for (;;) {
  }
}

static void spin_in_calls(void) {
  for (;;) getppid();
}

static void prints_for_ever(void) {
  for (;;) write(1, "yyyyyyyyyyyyyyy\n", 16);
}

static void traces(void) {
  long result = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  printf("%ld %d\n", result, errno == EPERM);
}

static void old_call(void) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20));
  printf("%d\n", result);
}

static void rings(void) {
  long result = syscall(425, 8, NULL);
  printf("%ld %d\n", result, errno == ENOSYS);
}

// Threads that race for a lock and for a turn, with time-outs.

static pthread_mutex_t race_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t race_turn = PTHREAD_COND_INITIALIZER;

static void *race_body(void *name) {
  unsigned seed;
  syscall(SYS_getrandom, &seed, sizeof seed, 0);
  for (int i = 0; i < 30; i++) {
    pthread_mutex_lock(&race_lock);
    printf("%c", *(char *)name);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec = (until.tv_nsec + rand_r(&seed) % 3000000) % 1000000000;
    pthread_cond_timedwait(&race_turn, &race_lock, &until);
    pthread_mutex_unlock(&race_lock);
    if (rand_r(&seed) % 2) pthread_cond_broadcast(&race_turn);
    if (rand_r(&seed) % 3 == 0) sched_yield();
  }
  return NULL;
}

static void race(void) {
  pthread_t threads[6];
  static char names[] = "abcdef";
  for (int i = 0; i < 6; i++) pthread_create(&threads[i], NULL, race_body, &names[i]);
  for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
  printf("\n%.3f\n", now());
}

// As Ruby sleeps: until the clock is past the end, and not at it.
static void polls_past_deadline(void) {
  struct timespec start, time;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    clock_gettime(CLOCK_MONOTONIC, &time);
    long left = 1000000000 - (time.tv_sec - start.tv_sec) * 1000000000 - (time.tv_nsec - start.tv_nsec);
    if (left < 0) break;
    struct timespec timeout = {left / 1000000000, left % 1000000000};
    ppoll(NULL, 0, &timeout, NULL);
    sched_yield();
  }
  printf("past %.6f\n", now());
}

static void echo(void) {
  char line[4096];
  while (fgets(line, sizeof line, stdin)) {
    fputs(line, stdout);
    fflush(stdout);
  }
}

static const struct {
  const char *name;
  void (*run)(void);
} behaviours[] = {
    {"sleeps", sleeps}, {"clocks", clocks}, {"timeouts", timeouts}, {"timers", timers}, {"counter", counter},
    {"spin-on-clock", spin_on_clock}, {"spin-on-yield", spin_on_yield}, {"many-wakeups", many_wakeups},
    {"chance", chance}, {"ids", ids}, {"children", children}, {"waits-by-id", waits_by_id}, {"programs", programs},
    {"exec-beside-threads", exec_beside_threads}, {"exit-beside-threads", exit_beside_threads},
    {"abort-beside-threads", abort_beside_threads}, {"leader-exits", leader_exits}, {"joins-leader", joins_leader},
    {"leaves-children", leaves_children}, {"fault", fault}, {"kills", kills}, {"kills-its-group", kills_its_group}, {"fork-bomb", fork_bomb},
    {"signal-waits", signal_waits}, {"signal-restarts", signal_restarts}, {"waits-again", waits_again}, {"stops-itself", stops_itself},
    {"pipes", pipes}, {"full-pipe", full_pipe}, {"big-write", big_write}, {"file-lock", file_lock},
    {"network", network}, {"shared-semaphore", shared_semaphore}, {"two-writers", two_writers}, {"spin", spin},
    {"spin-in-calls", spin_in_calls}, {"prints-for-ever", prints_for_ever}, {"traces", traces},
    {"old-call", old_call}, {"rings", rings}, {"race", race}, {"polls-past-deadline", polls_past_deadline}, {"echo", echo},
};

int main(int count, char **arguments) {
  program = arguments[0];
  // Children must not print again what their parent has printed.
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
    if (count == 2 && strcmp(behaviours[i].name, arguments[1]) == 0) {
      behaviours[i].run();
      return 0;
    }
  }
  fprintf(stderr, "no behaviour of this name\n");
  return 2;
}
