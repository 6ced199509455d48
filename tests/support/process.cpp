#include "tests/support/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

extern char** environ;

namespace tertulia::test {

namespace {

std::uintmax_t size_of(const std::filesystem::path& path) {
  return std::filesystem::exists(path) ? std::filesystem::file_size(path) : 0;
}

int open_output(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw_errno(path.string());
  return fd;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> all;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string entry = *e;
    if (!extra.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : extra) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Process::Process(const Options& o) {
  // A child that does not read its input any more is an error of write(), not of the test's life
  std::signal(SIGPIPE, SIG_IGN);
  out_path_ = o.output.string() + ".out";
  err_path_ = o.output.string() + ".err";
  UniqueFd out(open_output(out_path_)), err(open_output(err_path_));
  out_from_ = line_from_ = size_of(out_path_);
  err_from_ = size_of(err_path_);
  int pipe_fds[2] = {-1, -1};
  UniqueFd in;
  if (o.input) {
    if (::pipe2(pipe_fds, O_CLOEXEC) != 0) throw_errno("pipe2");
    in.reset(pipe_fds[0]);
    input_.reset(pipe_fds[1]);
  } else {
    in.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  const auto env = environment(o.env);
  const auto argv = pointers(o.argv);
  const auto envp = pointers(env);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) {
    // Between fork and exec only what is async-signal-safe
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    std::signal(SIGPIPE, SIG_DFL);
    ::dup2(in.get(), 0);
    ::dup2(out.get(), 1);
    ::dup2(err.get(), 2);
    if (!o.directory.empty() && ::chdir(o.directory.c_str()) != 0) ::_exit(126);
    ::execve(argv[0], argv.data(), envp.data());
    const char text[] = "cannot start the program\n";
    if (::write(2, text, sizeof text - 1) < 0) ::_exit(126);
    ::_exit(127);
  }
}

Process::~Process() { kill9(); }

Process::Process(Process&& other) noexcept { *this = std::move(other); }

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  kill9();
  pid_ = other.pid_;
  other.pid_ = -1;
  status_ = other.status_;
  input_ = std::move(other.input_);
  out_path_ = other.out_path_;
  err_path_ = other.err_path_;
  out_from_ = other.out_from_;
  err_from_ = other.err_from_;
  line_from_ = other.line_from_;
  return *this;
}

bool Process::running() { return pid_ > 0 && !wait(0); }

bool Process::write(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(input_.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) return false;
    if (n < 0) throw_errno("write to a child");
    done += static_cast<std::size_t>(n);
  }
  return true;
}

void Process::signal(int number) {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

std::optional<int> Process::wait(Deadline deadline) {
  if (pid_ <= 0) return status_;
  const bool ended = wait_until(
      [&] {
        if (status_) return true;
        int raw = 0;
        const pid_t got = ::waitpid(pid_, &raw, WNOHANG);
        if (got != pid_) return false;
        status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
        return true;
      },
      deadline);
  return ended ? status_ : std::nullopt;
}

std::optional<int> Process::terminate(std::uint64_t ms) {
  signal(SIGTERM);
  return wait(ms);
}

void Process::kill9() {
  if (pid_ <= 0 || status_) return;
  ::kill(pid_, SIGKILL);
  int raw = 0;
  while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
  }
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
}

std::string Process::text_since(const std::filesystem::path& file, std::uintmax_t from) const {
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(from));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Process::out() const { return text_since(out_path_, out_from_); }
std::string Process::err() const { return text_since(err_path_, err_from_); }

std::optional<std::string> Process::line(Deadline deadline) {
  std::optional<std::string> found;
  const auto look = [&] {
    std::ifstream in(out_path_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(line_from_));
    std::string text;
    if (!std::getline(in, text) || in.eof()) return false;  // eof: no newline yet
    line_from_ += text.size() + 1;
    found = std::move(text);
    return true;
  };
  // The end is looked for first: a line that was written before it must not be missed
  if (!wait_until(
          [&] {
            const bool ended = !running();
            return look() || ended;
          },
          deadline))
    return std::nullopt;
  return found;
}

double Process::cpu_s() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(in, text);
  // The command's name may hold spaces: fields are counted from its closing parenthesis
  std::istringstream rest(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 13; ++i) rest >> field;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::size_t Process::rss_kib() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  std::string word;
  while (in >> word) {
    if (word != "VmRSS:") continue;
    std::size_t kib = 0;
    in >> kib;
    return kib;
  }
  return 0;
}

std::size_t Process::open_files() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
    ++count;
  return count;
}

Ran run(const std::vector<std::string>& argv, const std::filesystem::path& output,
        std::uint64_t deadline_ms, const std::string& input,
        const std::map<std::string, std::string>& env) {
  Process process(
      {.argv = argv, .env = env, .output = output, .input = !input.empty(), .directory = {}});
  // A program that refuses its arguments does not read: its exit code tells
  if (!input.empty()) static_cast<void>(process.write(input));
  process.close_input();
  const auto code = process.wait(deadline_ms);
  if (!code) process.kill9();
  return {code.value_or(-1), process.out(), process.err()};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one);) out.push_back(one);
  return out;
}

}  // namespace tertulia::test
