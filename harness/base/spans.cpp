#include <clb/base/spans.hpp>
#include <exception>

namespace clb::base {

Spans::Scope::~Scope() {
  spans_.charge();
  if (std::uncaught_exceptions() > 0 && spans_.failed_.empty()) spans_.failed_ = spans_.stack_.back().phase;
  const std::lock_guard lock(spans_.mutex_);
  spans_.stack_.pop_back();
}

Spans::Scope Spans::enter(std::string phase, int64_t task) {
  charge();
  const std::lock_guard lock(mutex_);
  stack_.push_back({std::move(phase), task});
  return Scope(*this);
}

void Spans::charge() {
  const auto now = Clock::now();
  if (!stack_.empty()) {
    seconds_[{stack_.back().phase, stack_.back().task}] += std::chrono::duration<double>(now - mark_).count();
    memory_.charge(stack_.back().phase);
  }
  mark_ = now;
}

std::vector<base::Span> Spans::take() {
  charge();
  std::vector<base::Span> spans;
  for (const auto& [key, seconds] : seconds_) spans.push_back({.phase = key.first, .task = key.second, .wall_s = seconds});
  seconds_.clear();
  return spans;
}

std::string Spans::phase() const {
  const std::lock_guard lock(mutex_);
  return stack_.empty() ? "" : stack_.back().phase;
}

}  // namespace clb::base
