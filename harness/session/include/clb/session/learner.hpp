// A method in its session: created with the run's settings, taught task by task.
#pragma once

#include <clb/loader/params.hpp>
#include <clb/session/host.hpp>
#include <clb/session/method_handle.hpp>

namespace clb::session {

class Learner {
 public:
  // table: of the method; its parameters get the values of session.spec.method.params.
  Learner(Session& session, const clb_method& table);

  void create();
  void learn(int64_t task);  // begin_task, train_task, end_task; makes it the session's current task

  MethodHandle& method() { return method_; }

 private:
  Session& session_;
  Host host_;
  MethodHandle method_;
  loader::Settings settings_;
};

}  // namespace clb::session
