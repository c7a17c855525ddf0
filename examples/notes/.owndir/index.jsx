// Notes: the markdown files of this folder and of all folders in it, as one app.
import React from 'react';
import { Notes } from './notes.jsx';
import './style.css';

const notes = {
  title: 'Notes',
  // `notes.directory` is the folder that this module lies in, wherever in a larger tree that is.
  frame() {
    return <Notes directory={notes.directory} home={notes.O.path.replace(/\/?$/, '/')} title={notes.title} />;
  },
};

export default notes;
