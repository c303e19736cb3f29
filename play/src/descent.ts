import {pairs} from './address'
import {openDescent} from './descent/index'
import {read} from './descent/state'
import {rules} from './generated/rules.js'
import {surfaces} from './generated/surfaces.js'
import {turned} from './ground'
import {offer} from './live'
import {bestRate, Walker} from './walk'

/** What of a state isn't understood. */
const misread = (state: string) => read(pairs(state)).wrong

offer('descent', openDescent, {rules, surfaces, Walker, turned, bestRate, misread})
