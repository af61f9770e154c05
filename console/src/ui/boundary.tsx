// Where a page fails, the rest of the console goes on.

import { Component, type ReactNode } from "react";

import { sentence } from "./parts";

export class Boundary extends Component<{ children: ReactNode; at: string }, { error: Error | null; at: string }> {
  override state = { error: null as Error | null, at: this.props.at };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  /** Another page is another try. */
  static getDerivedStateFromProps(props: { at: string }, state: { at: string }) {
    return props.at === state.at ? null : { error: null, at: props.at };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div className="page" role="alert">
        <h1>This page failed</h1>
        <p>{sentence(this.state.error.message)}</p>
        <p>
          What is stored is not touched by this. <a href={location.href}>Load the page anew</a>; if it fails again, <code>entente status</code> tells the same on a command
          line.
        </p>
      </div>
    );
  }
}
